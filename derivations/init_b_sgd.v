(* The claims of the derivation of init-b. A free exponent x is written e_x, and a size x that a later step starts from
   u_x; -oo does not occur, for an empty maximum asks for nothing. That p <= max(s, t) where 0 <= h is written
   (0 <= h -> s < p -> t < p -> False). *)
Require Import Reals Lra.
Open Scope R_scope.

(* step 1, U_A *)
Lemma claim_1 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((1) * e_eta + (1 / 2)) < ((1) * e_eta + (1 / 2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, B *)
Lemma claim_2 :   (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((0)) < ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, Z_A *)
Lemma claim_3 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((1) * e_eta + (3 / 2)) < ((1) * e_eta + (3 / 2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, U_B *)
Lemma claim_4 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((2) * e_eta + (3 / 2)) < ((2) * e_eta + (3 / 2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, B *)
Lemma claim_5 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((0)) < ((0)) -> ((2) * e_eta + (3 / 2)) < ((0)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((0)) < ((2) * e_eta + (3 / 2)) -> ((2) * e_eta + (3 / 2)) < ((2) * e_eta + (3 / 2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, Z_B *)
Lemma claim_6 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((3) * e_eta + (3)) < ((1) * e_eta + (3 / 2)) -> ((1) * e_eta + (3 / 2)) < ((1) * e_eta + (3 / 2)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((3) * e_eta + (3)) < ((3) * e_eta + (3)) -> ((1) * e_eta + (3 / 2)) < ((3) * e_eta + (3)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((1) * e_eta + (3 / 2)) < ((3) * e_eta + (3)) -> ((3) * e_eta + (3)) < ((3) * e_eta + (3)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((1) * e_eta + (3 / 2)) < ((1) * e_eta + (3 / 2)) -> ((3) * e_eta + (3)) < ((1) * e_eta + (3 / 2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, delta_2 *)
Lemma claim_7 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((3) * e_eta + (3)) < ((3) * e_eta + (3)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* later steps *)
Lemma claim_8 : forall u_x0 u_x1 e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1) * u_x0 + (- (1)) * e_eta + (- (1 / 2))) -> 0 <= ((1) * u_x1 + (- (2)) * e_eta + (- (3 / 2))) -> ((1) * u_x0) < ((1) * e_eta + (1 / 2)) -> ((1) * e_eta + (1 / 2)) < ((1) * e_eta + (1 / 2)) -> ((1) * u_x1 + (1) * e_eta + (1)) < ((1) * e_eta + (1 / 2)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1) * u_x0 + (- (1)) * e_eta + (- (1 / 2))) -> 0 <= ((1) * u_x1 + (- (2)) * e_eta + (- (3 / 2))) -> ((1) * u_x1) < ((2) * e_eta + (3 / 2)) -> ((1) * u_x0 + (1) * e_eta + (1)) < ((2) * e_eta + (3 / 2)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((2) * e_eta + (2)) < ((2) * e_eta + (2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 3, Z_B *)
Lemma claim_9 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((3) * e_eta + (7 / 2)) < ((1) * e_eta + (3 / 2)) -> ((7) * e_eta + (7)) < ((1) * e_eta + (3 / 2)) -> ((1) * e_eta + (3 / 2)) < ((1) * e_eta + (3 / 2)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((3) * e_eta + (7 / 2)) < ((2) * e_eta + (2)) -> ((7) * e_eta + (7)) < ((2) * e_eta + (2)) -> ((1) * e_eta + (3 / 2)) < ((2) * e_eta + (2)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((3) * e_eta + (7 / 2)) < ((3) * e_eta + (7 / 2)) -> ((7) * e_eta + (7)) < ((3) * e_eta + (7 / 2)) -> ((1) * e_eta + (3 / 2)) < ((3) * e_eta + (7 / 2)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((3) * e_eta + (7 / 2)) < ((3) * e_eta + (3)) -> ((7) * e_eta + (7)) < ((3) * e_eta + (3)) -> ((1) * e_eta + (3 / 2)) < ((3) * e_eta + (3)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((3) * e_eta + (7 / 2)) < ((5) * e_eta + (5)) -> ((7) * e_eta + (7)) < ((5) * e_eta + (5)) -> ((1) * e_eta + (3 / 2)) < ((5) * e_eta + (5)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((3) * e_eta + (7 / 2)) < ((7) * e_eta + (7)) -> ((7) * e_eta + (7)) < ((7) * e_eta + (7)) -> ((1) * e_eta + (3 / 2)) < ((7) * e_eta + (7)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((1) * e_eta + (3 / 2)) < ((3) * e_eta + (7 / 2)) -> ((2) * e_eta + (2)) < ((3) * e_eta + (7 / 2)) -> ((3) * e_eta + (7 / 2)) < ((3) * e_eta + (7 / 2)) -> ((3) * e_eta + (3)) < ((3) * e_eta + (7 / 2)) -> ((5) * e_eta + (5)) < ((3) * e_eta + (7 / 2)) -> ((7) * e_eta + (7)) < ((3) * e_eta + (7 / 2)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((1) * e_eta + (3 / 2)) < ((7) * e_eta + (7)) -> ((2) * e_eta + (2)) < ((7) * e_eta + (7)) -> ((3) * e_eta + (7 / 2)) < ((7) * e_eta + (7)) -> ((3) * e_eta + (3)) < ((7) * e_eta + (7)) -> ((5) * e_eta + (5)) < ((7) * e_eta + (7)) -> ((7) * e_eta + (7)) < ((7) * e_eta + (7)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((1) * e_eta + (3 / 2)) < ((1) * e_eta + (3 / 2)) -> ((2) * e_eta + (2)) < ((1) * e_eta + (3 / 2)) -> ((3) * e_eta + (7 / 2)) < ((1) * e_eta + (3 / 2)) -> ((3) * e_eta + (3)) < ((1) * e_eta + (3 / 2)) -> ((5) * e_eta + (5)) < ((1) * e_eta + (3 / 2)) -> ((7) * e_eta + (7)) < ((1) * e_eta + (3 / 2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 3, Z_A *)
Lemma claim_10 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((3) * e_eta + (7 / 2)) < ((1) * e_eta + (3 / 2)) -> ((1) * e_eta + (3 / 2)) < ((1) * e_eta + (3 / 2)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((3) * e_eta + (7 / 2)) < ((2) * e_eta + (2)) -> ((1) * e_eta + (3 / 2)) < ((2) * e_eta + (2)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((3) * e_eta + (7 / 2)) < ((3) * e_eta + (7 / 2)) -> ((1) * e_eta + (3 / 2)) < ((3) * e_eta + (7 / 2)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((1) * e_eta + (3 / 2)) < ((3) * e_eta + (7 / 2)) -> ((2) * e_eta + (2)) < ((3) * e_eta + (7 / 2)) -> ((3) * e_eta + (7 / 2)) < ((3) * e_eta + (7 / 2)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((1) * e_eta + (3 / 2)) < ((1) * e_eta + (3 / 2)) -> ((2) * e_eta + (2)) < ((1) * e_eta + (3 / 2)) -> ((3) * e_eta + (7 / 2)) < ((1) * e_eta + (3 / 2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* where the output can stay bounded *)
Lemma claim_11 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> 0 <= ((- (3)) * e_eta + (- (3))) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> 0 <= ((- (3)) * e_eta + (- (7 / 2))) -> 0 <= ((- (7)) * e_eta + (- (7))) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> ((0)) < ((1) * e_eta + (1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, U_A *)
Lemma claim_12 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((1) * e_eta + (1 / 2)) < ((1) * e_eta + (1 / 2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, B *)
Lemma claim_13 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, Z_A *)
Lemma claim_14 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((1) * e_eta + (3 / 2)) < ((1) * e_eta + (3 / 2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, U_B *)
Lemma claim_15 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((2) * e_eta + (3 / 2)) < ((2) * e_eta + (3 / 2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, B *)
Lemma claim_16 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((2) * e_eta + (3 / 2)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((0)) -> ((2) * e_eta + (3 / 2)) < ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, Z_B *)
Lemma claim_17 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((1) * e_eta + (3 / 2)) < ((3) * e_eta + (3)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((1) * e_eta + (3 / 2)) < ((1) * e_eta + (3 / 2)) -> ((3) * e_eta + (3)) < ((1) * e_eta + (3 / 2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, delta_2 *)
Lemma claim_18 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((3) * e_eta + (3)) < ((3) * e_eta + (3)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 3, U_A *)
Lemma claim_19 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((1) * e_eta + (1 / 2)) < ((3) * e_eta + (5 / 2)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((1) * e_eta + (1 / 2)) < ((1) * e_eta + (1 / 2)) -> ((3) * e_eta + (5 / 2)) < ((1) * e_eta + (1 / 2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 3, Z_A *)
Lemma claim_20 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((1) * e_eta + (3 / 2)) < ((3) * e_eta + (7 / 2)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((1) * e_eta + (3 / 2)) < ((1) * e_eta + (3 / 2)) -> ((3) * e_eta + (7 / 2)) < ((1) * e_eta + (3 / 2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 3, Z_B *)
Lemma claim_21 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((1) * e_eta + (3 / 2)) < ((5) * e_eta + (5)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((1) * e_eta + (3 / 2)) < ((1) * e_eta + (3 / 2)) -> ((3) * e_eta + (7 / 2)) < ((1) * e_eta + (3 / 2)) -> ((3) * e_eta + (3)) < ((1) * e_eta + (3 / 2)) -> ((5) * e_eta + (5)) < ((1) * e_eta + (3 / 2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 3, delta_3 *)
Lemma claim_22 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((3) * e_eta + (3)) < ((5) * e_eta + (5)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((3) * e_eta + (3)) < ((3) * e_eta + (3)) -> ((5) * e_eta + (5)) < ((3) * e_eta + (3)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* stable, where it holds *)
Lemma claim_23 : forall e_eta : R,
  (0 <= ((- (1)) * e_eta + (- (3 / 2))) -> ((0)) < ((- (1))) -> False) /\
  (0 <= ((- (1)) * e_eta + (- (3 / 2))) -> ((0)) < ((0)) -> False) /\
  (0 <= ((- (1)) * e_eta + (- (3 / 2))) -> ((0)) < ((1) * e_eta + (1)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> ((0)) < ((1) * e_eta + (3 / 2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* stable, where it can hold *)
Lemma claim_24 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> ((0)) < ((1) * e_eta + (3 / 2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* internally_stable, where it can hold *)
Lemma claim_25 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> ((0)) < ((1) * e_eta + (3 / 2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* feature_learning, where it holds *)
Lemma claim_26 : forall e_eta : R,
  (0 <= ((1) * e_eta + (3 / 2)) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> ((0)) < ((- (1))) -> False) /\
  (0 <= ((1) * e_eta + (3 / 2)) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> ((0)) < ((0)) -> False) /\
  (0 <= ((1) * e_eta + (3 / 2)) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> ((0)) < ((1) * e_eta + (1)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> 0 <= ((1) * e_eta + (3 / 2)) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> ((0)) < ((1) * e_eta + (3 / 2)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> 0 <= ((1) * e_eta + (3 / 2)) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> ((1) * e_eta + (3 / 2)) < ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* feature_learning, where it can hold *)
Lemma claim_27 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> 0 <= ((1) * e_eta + (3 / 2)) -> ((0)) < ((- (1)) * e_eta + (- (3 / 2))) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> 0 <= ((1) * e_eta + (3 / 2)) -> ((0)) < ((1) * e_eta + (3 / 2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* efficient, where it can hold *)
Lemma claim_28 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> 0 <= ((- (1)) * e_eta + (- (3 / 2))) -> 0 <= ((- (3)) * e_eta + (- (3))) -> 0 <= ((1) * e_eta + (3 / 2)) -> 0 <= ((3) * e_eta + (3)) -> ((0)) < ((1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.
