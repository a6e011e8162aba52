(* The claims of the derivation of init-b. A free exponent x is written e_x; -oo does not occur, for an empty maximum
   asks for nothing. That p <= max(s, t) where 0 <= h is written (0 <= h -> s < p -> t < p -> False). *)
Require Import Reals Lra.
Open Scope R_scope.

(* step 0, Z *)
Lemma claim_1 :   (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((0)) < ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, out: B_0 *)
Lemma claim_2 :   (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((1 / 2)) < ((0)) + ((0)) + ((1 / 2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, batch: B_0 *)
Lemma claim_3 :   (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((1 / 2)) < ((1 / 2)) + ((0)) + ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, dA *)
Lemma claim_4 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((1) * e_eta) < ((1) * e_eta) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, width: U_A *)
Lemma claim_5 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((1) * e_eta + (1)) < ((1) * e_eta) + ((0)) + ((1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, rank: B_0 dA *)
Lemma claim_6 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((1) * e_eta + (1)) < ((0)) + ((1) * e_eta + (1)) + ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, Z_A *)
Lemma claim_7 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((1) * e_eta + (1)) < ((1) * e_eta + (1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, rank: dB U_A *)
Lemma claim_8 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((2) * e_eta + (1)) < ((1) * e_eta) + ((1) * e_eta + (1)) + ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, B *)
Lemma claim_9 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((0)) < ((0)) -> ((1) * e_eta) < ((0)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((0)) < ((1) * e_eta) -> ((1) * e_eta) < ((1) * e_eta) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, Z_B *)
Lemma claim_10 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((2) * e_eta + (1)) < ((1) * e_eta + (1)) -> ((1) * e_eta + (1)) < ((1) * e_eta + (1)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((2) * e_eta + (1)) < ((2) * e_eta + (1)) -> ((1) * e_eta + (1)) < ((2) * e_eta + (1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, delta_2 *)
Lemma claim_11 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((2) * e_eta + (1)) < ((2) * e_eta + (1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 3, batch: U_B *)
Lemma claim_12 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((1) * e_eta + (1)) < ((1) * e_eta + (1)) + ((0)) + ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 3, G_A *)
Lemma claim_13 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((1 / 2)) < ((1 / 2)) -> ((1) * e_eta + (1)) < ((1 / 2)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((1 / 2)) < ((1) * e_eta + (1)) -> ((1) * e_eta + (1)) < ((1) * e_eta + (1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* stable, where it holds *)
Lemma claim_14 : forall e_eta : R,
  (0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((0)) -> False) /\
  (0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((- (1))) -> False) /\
  (0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((1) * e_eta + (1)) -> False) /\
  (0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((2) * e_eta + (1)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> 0 <= ((- (2)) * e_eta + (- (1))) -> ((0)) < ((1) * e_eta + (1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* feature_learning, where it holds *)
Lemma claim_15 : forall e_eta : R,
  (0 <= ((1) * e_eta + (1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((0)) -> False) /\
  (0 <= ((1) * e_eta + (1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((- (1))) -> False) /\
  (0 <= ((1) * e_eta + (1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((1) * e_eta + (1)) -> False) /\
  (0 <= ((1) * e_eta + (1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((2) * e_eta + (1)) -> False) /\
  (0 <= ((1) * e_eta + (1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((2) * e_eta + (1)) < ((0)) -> ((1) * e_eta + (1)) < ((0)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((2) * e_eta + (1)) -> ((0)) < ((1)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((1) * e_eta + (1)) -> ((0)) < ((- (1)) * e_eta + (- (1))) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((1) * e_eta + (1)) -> ((0)) < ((1) * e_eta + (1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* feature_learning, onset *)
Lemma claim_16 : forall e_eta : R,
  (0 <= ((1) * e_eta + (1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> ((1) * e_eta + (1)) < ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* efficient, where it holds *)
Lemma claim_17 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((2) * e_eta + (1)) -> 0 <= ((2) * e_eta + (1)) -> ((0)) < ((1)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (1)) * e_eta + (- (1))) -> 0 <= ((- (2)) * e_eta + (- (1))) -> 0 <= ((1) * e_eta + (1)) -> 0 <= ((2) * e_eta + (1)) -> ((0)) < ((1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* largest stable rate *)
Lemma claim_18 : forall e_eta : R,
  (0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((1) * e_eta) + ((1)) -> False) /\
  (((1)) < ((1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.
