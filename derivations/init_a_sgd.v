(* The claims of the derivation of init-a. A free exponent x is written e_x, and a size x that a later step starts from
   u_x; -oo does not occur, for an empty maximum asks for nothing. That p <= max(s, t) where 0 <= h is written
   (0 <= h -> s < p -> t < p -> False). *)
Require Import Reals Lra.
Open Scope R_scope.

(* step 1, U_B *)
Lemma claim_1 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((1) * e_eta) < ((1) * e_eta) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, A *)
Lemma claim_2 :   (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((- (1 / 2))) < ((- (1 / 2))) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, Z_A *)
Lemma claim_3 :   (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((0)) < ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, U_A *)
Lemma claim_4 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((2) * e_eta + (1)) < ((2) * e_eta + (1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, A *)
Lemma claim_5 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((- (1 / 2))) < ((- (1 / 2))) -> ((2) * e_eta + (1)) < ((- (1 / 2))) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((- (1 / 2))) < ((2) * e_eta + (1)) -> ((2) * e_eta + (1)) < ((2) * e_eta + (1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, Z_A *)
Lemma claim_6 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((0)) < ((0)) -> ((2) * e_eta + (2)) < ((0)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((0)) < ((2) * e_eta + (2)) -> ((2) * e_eta + (2)) < ((2) * e_eta + (2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, Z_B *)
Lemma claim_7 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((1) * e_eta) -> ((1) * e_eta) < ((1) * e_eta) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((3) * e_eta + (2)) -> ((1) * e_eta) < ((3) * e_eta + (2)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((1) * e_eta) < ((3) * e_eta + (2)) -> ((3) * e_eta + (2)) < ((3) * e_eta + (2)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((1) * e_eta) < ((1) * e_eta) -> ((3) * e_eta + (2)) < ((1) * e_eta) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, delta_1 *)
Lemma claim_8 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((3) * e_eta + (2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* later steps *)
Lemma claim_9 : forall u_x0 u_x1 e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1) * u_x0 + (- (2)) * e_eta + (- (1))) -> 0 <= ((1) * u_x1 + (- (1)) * e_eta) -> ((1) * u_x0) < ((2) * e_eta + (1)) -> ((1) * u_x1 + (1) * e_eta + (1)) < ((2) * e_eta + (1)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1) * u_x0 + (- (2)) * e_eta + (- (1))) -> 0 <= ((1) * u_x1 + (- (1)) * e_eta) -> ((1) * u_x1) < ((1) * e_eta) -> ((1) * e_eta) < ((1) * e_eta) -> ((1) * u_x0 + (1) * e_eta + (1)) < ((1) * e_eta) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((2) * e_eta + (2)) < ((2) * e_eta + (2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 3, Z_B *)
Lemma claim_10 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((2) * e_eta + (2)) < ((1) * e_eta) -> ((7) * e_eta + (6)) < ((1) * e_eta) -> ((1) * e_eta) < ((1) * e_eta) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((2) * e_eta + (2)) < ((2) * e_eta + (2)) -> ((7) * e_eta + (6)) < ((2) * e_eta + (2)) -> ((1) * e_eta) < ((2) * e_eta + (2)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((2) * e_eta + (2)) < ((3) * e_eta + (2)) -> ((7) * e_eta + (6)) < ((3) * e_eta + (2)) -> ((1) * e_eta) < ((3) * e_eta + (2)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((2) * e_eta + (2)) < ((5) * e_eta + (4)) -> ((7) * e_eta + (6)) < ((5) * e_eta + (4)) -> ((1) * e_eta) < ((5) * e_eta + (4)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((2) * e_eta + (2)) < ((7) * e_eta + (6)) -> ((7) * e_eta + (6)) < ((7) * e_eta + (6)) -> ((1) * e_eta) < ((7) * e_eta + (6)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((1) * e_eta) < ((2) * e_eta + (2)) -> ((2) * e_eta + (2)) < ((2) * e_eta + (2)) -> ((3) * e_eta + (2)) < ((2) * e_eta + (2)) -> ((5) * e_eta + (4)) < ((2) * e_eta + (2)) -> ((7) * e_eta + (6)) < ((2) * e_eta + (2)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((1) * e_eta) < ((7) * e_eta + (6)) -> ((2) * e_eta + (2)) < ((7) * e_eta + (6)) -> ((3) * e_eta + (2)) < ((7) * e_eta + (6)) -> ((5) * e_eta + (4)) < ((7) * e_eta + (6)) -> ((7) * e_eta + (6)) < ((7) * e_eta + (6)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((1) * e_eta) < ((1) * e_eta) -> ((2) * e_eta + (2)) < ((1) * e_eta) -> ((3) * e_eta + (2)) < ((1) * e_eta) -> ((5) * e_eta + (4)) < ((1) * e_eta) -> ((7) * e_eta + (6)) < ((1) * e_eta) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 3, Z_A *)
Lemma claim_11 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((0)) < ((0)) -> ((4) * e_eta + (4)) < ((0)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((0)) < ((2) * e_eta + (2)) -> ((4) * e_eta + (4)) < ((2) * e_eta + (2)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((0)) < ((4) * e_eta + (4)) -> ((4) * e_eta + (4)) < ((4) * e_eta + (4)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((0)) < ((0)) -> ((2) * e_eta + (2)) < ((0)) -> ((4) * e_eta + (4)) < ((0)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((0)) < ((4) * e_eta + (4)) -> ((2) * e_eta + (2)) < ((4) * e_eta + (4)) -> ((4) * e_eta + (4)) < ((4) * e_eta + (4)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* where the output can stay bounded *)
Lemma claim_12 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (3)) * e_eta + (- (2))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (2)) * e_eta + (- (2))) -> 0 <= ((- (7)) * e_eta + (- (6))) -> 0 <= ((- (1)) * e_eta) -> ((0)) < ((1) * e_eta + (1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, U_B *)
Lemma claim_13 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((1) * e_eta) < ((1) * e_eta) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, A *)
Lemma claim_14 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((- (1 / 2))) < ((- (1 / 2))) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, Z_A *)
Lemma claim_15 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, U_A *)
Lemma claim_16 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((2) * e_eta + (1)) < ((2) * e_eta + (1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, A *)
Lemma claim_17 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((- (1 / 2))) < ((2) * e_eta + (1)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((- (1 / 2))) < ((- (1 / 2))) -> ((2) * e_eta + (1)) < ((- (1 / 2))) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, Z_A *)
Lemma claim_18 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((2) * e_eta + (2)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((0)) -> ((2) * e_eta + (2)) < ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, Z_B *)
Lemma claim_19 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((1) * e_eta) < ((3) * e_eta + (2)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((1) * e_eta) < ((1) * e_eta) -> ((3) * e_eta + (2)) < ((1) * e_eta) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, Delta_Z_B *)
Lemma claim_20 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((3) * e_eta + (2)) < ((1) * e_eta) -> ((1) * e_eta) < ((1) * e_eta) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, delta_1 *)
Lemma claim_21 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((3) * e_eta + (2)) < ((3) * e_eta + (2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 3, Z_B *)
Lemma claim_22 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((1) * e_eta) < ((5) * e_eta + (4)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((1) * e_eta) < ((1) * e_eta) -> ((3) * e_eta + (2)) < ((1) * e_eta) -> ((5) * e_eta + (4)) < ((1) * e_eta) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 3, Delta_Z_B *)
Lemma claim_23 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((3) * e_eta + (2)) < ((1) * e_eta) -> ((1) * e_eta) < ((1) * e_eta) -> ((5) * e_eta + (4)) < ((1) * e_eta) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 3, delta_3 *)
Lemma claim_24 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((3) * e_eta + (2)) < ((5) * e_eta + (4)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((3) * e_eta + (2)) < ((3) * e_eta + (2)) -> ((5) * e_eta + (4)) < ((3) * e_eta + (2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* stable, where it holds *)
Lemma claim_25 : forall e_eta : R,
  (0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((- (1))) -> False) /\
  (0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((0)) -> False) /\
  (0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((1) * e_eta + (1)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((1) * e_eta) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* stable, where it can hold *)
Lemma claim_26 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (1)) * e_eta) -> ((0)) < ((1) * e_eta + (1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* internally_stable, where it holds *)
Lemma claim_27 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* internally_stable, where it can hold *)
Lemma claim_28 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((0)) -> ((0)) < ((1) * e_eta + (1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* feature_learning, where it can hold *)
Lemma claim_29 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((1) * e_eta) -> ((0)) < ((1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* efficient, where it can hold *)
Lemma claim_30 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (3)) * e_eta + (- (2))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((3) * e_eta + (2)) -> 0 <= ((1) * e_eta) -> ((0)) < ((1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* largest eta, met *)
Lemma claim_31 : forall e_eta : R,
  (0 <= ((1) * e_eta + (1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((- (1))) -> False) /\
  (0 <= ((1) * e_eta + (1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((0)) -> False) /\
  (0 <= ((1) * e_eta + (1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((1) * e_eta + (1)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> 0 <= ((1) * e_eta + (1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((1) * e_eta) -> False).
Proof. intros. repeat split; intros; lra. Qed.
