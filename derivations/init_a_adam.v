(* The claims of the derivation of init-a. A free exponent x is written e_x, and a size x that a later step starts from
   u_x; -oo does not occur, for an empty maximum asks for nothing. That p <= max(s, t) where 0 <= h is written
   (0 <= h -> s < p -> t < p -> False). *)
Require Import Reals Lra.
Open Scope R_scope.

(* step 1, eta g_B, gradient *)
Lemma claim_1 :   (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((0)) < ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, U_B *)
Lemma claim_2 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((1) * e_eta) < ((1) * e_eta) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, A *)
Lemma claim_3 :   (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((- (1 / 2))) < ((- (1 / 2))) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, eta g_A, gradient *)
Lemma claim_4 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((1) * e_eta + (1)) < ((1) * e_eta + (1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, A *)
Lemma claim_5 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((- (1 / 2))) < ((- (1 / 2))) -> ((1) * e_eta) < ((- (1 / 2))) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((- (1 / 2))) < ((1) * e_eta) -> ((1) * e_eta) < ((1) * e_eta) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, Z_A *)
Lemma claim_6 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((0)) < ((0)) -> ((1) * e_eta + (1)) < ((0)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((0)) < ((1) * e_eta + (1)) -> ((1) * e_eta + (1)) < ((1) * e_eta + (1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, Z_B *)
Lemma claim_7 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((2) * e_eta + (1)) < ((1) * e_eta) -> ((1) * e_eta) < ((1) * e_eta) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((2) * e_eta + (1)) < ((2) * e_eta + (1)) -> ((1) * e_eta) < ((2) * e_eta + (1)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((1) * e_eta) < ((2) * e_eta + (1)) -> ((2) * e_eta + (1)) < ((2) * e_eta + (1)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((1) * e_eta) < ((1) * e_eta) -> ((2) * e_eta + (1)) < ((1) * e_eta) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, delta_1 *)
Lemma claim_8 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> ((2) * e_eta + (1)) < ((2) * e_eta + (1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* stable, where it holds *)
Lemma claim_9 : forall e_eta : R,
  (0 <= ((- (1)) * e_eta + (- (1 / 2))) -> ((0)) < ((- (1))) -> False) /\
  (0 <= ((- (1)) * e_eta + (- (1 / 2))) -> ((0)) < ((0)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1 / 2))) -> ((0)) < ((1) * e_eta) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1 / 2))) -> ((0)) < ((2) * e_eta + (1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* stable, where it can hold *)
Lemma claim_10 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta) -> ((0)) < ((1) * e_eta + (1 / 2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* internally_stable, where it holds *)
Lemma claim_11 : forall e_eta : R,
  (0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((- (1))) -> False) /\
  (0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((0)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((1) * e_eta) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((2) * e_eta + (1)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((0)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((1) * e_eta + (1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* internally_stable, where it can hold *)
Lemma claim_12 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> 0 <= ((0)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((1) * e_eta + (1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* feature_learning, where it holds *)
Lemma claim_13 : forall e_eta : R,
  (0 <= ((1) * e_eta + (1 / 2)) -> 0 <= ((- (1)) * e_eta + (- (1 / 2))) -> ((0)) < ((- (1))) -> False) /\
  (0 <= ((1) * e_eta + (1 / 2)) -> 0 <= ((- (1)) * e_eta + (- (1 / 2))) -> ((0)) < ((0)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1) * e_eta + (1 / 2)) -> 0 <= ((- (1)) * e_eta + (- (1 / 2))) -> ((0)) < ((1) * e_eta) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1) * e_eta + (1 / 2)) -> 0 <= ((- (1)) * e_eta + (- (1 / 2))) -> ((0)) < ((2) * e_eta + (1)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1) * e_eta + (1 / 2)) -> 0 <= ((- (1)) * e_eta + (- (1 / 2))) -> ((2) * e_eta + (1)) < ((0)) -> ((1) * e_eta) < ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* feature_learning, where it can hold *)
Lemma claim_14 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((2) * e_eta + (1)) -> ((0)) < ((- (1)) * e_eta + (- (1 / 2))) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((2) * e_eta + (1)) -> ((0)) < ((1) * e_eta + (1 / 2)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((1) * e_eta) -> ((0)) < ((1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* efficient, where it holds *)
Lemma claim_15 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1) * e_eta + (1 / 2)) -> 0 <= ((- (1)) * e_eta + (- (1 / 2))) -> ((2) * e_eta + (1)) < ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* efficient, where it can hold *)
Lemma claim_16 : forall e_eta : R,
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((2) * e_eta + (1)) -> 0 <= ((2) * e_eta + (1)) -> ((0)) < ((- (1)) * e_eta + (- (1 / 2))) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((2) * e_eta + (1)) -> 0 <= ((2) * e_eta + (1)) -> ((0)) < ((1) * e_eta + (1 / 2)) -> False) /\
  (0 <= ((1)) -> 0 <= ((0)) -> 0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((2) * e_eta + (1)) -> 0 <= ((1) * e_eta) -> ((0)) < ((1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.
