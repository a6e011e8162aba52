(* The claims of the derivation of init-a. A free exponent x is written e_x; -oo does not occur, for an empty maximum
   asks for nothing. That p <= max(s, t) where 0 <= h is written (0 <= h -> s < p -> t < p -> False). *)
Require Import Reals Lra.
Open Scope R_scope.

(* step 0, Z *)
Lemma claim_1 :   (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((0)) < ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 0, A_0 *)
Lemma claim_2 :   (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((- (1 / 2))) < ((- (1 / 2))) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, width: A_0 *)
Lemma claim_3 :   (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((0)) < ((- (1 / 2))) + ((0)) + ((1 / 2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, batch: A_0 *)
Lemma claim_4 :   (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((0)) < ((0)) + ((0)) + ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, dB *)
Lemma claim_5 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((1) * e_eta) < ((0)) + ((1) * e_eta) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, rank: dB A_0 *)
Lemma claim_6 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((1) * e_eta) < ((1) * e_eta) + ((0)) + ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, B *)
Lemma claim_7 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((1) * e_eta) < ((1) * e_eta) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, out: U_B *)
Lemma claim_8 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((1) * e_eta + (1)) < ((1) * e_eta) + ((0)) + ((1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, batch: U_B *)
Lemma claim_9 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((1) * e_eta + (1)) < ((1) * e_eta + (1)) + ((0)) + ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, dA *)
Lemma claim_10 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((2) * e_eta + (1)) < ((1) * e_eta + (1)) + ((1) * e_eta) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, width: U_A *)
Lemma claim_11 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((2) * e_eta + (2)) < ((2) * e_eta + (1)) + ((0)) + ((1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, rank: U_B dA *)
Lemma claim_12 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((1) * e_eta) + ((2) * e_eta + (2)) + ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, A *)
Lemma claim_13 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((- (1 / 2))) < ((- (1 / 2))) -> ((2) * e_eta + (1)) < ((- (1 / 2))) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((- (1 / 2))) < ((2) * e_eta + (1)) -> ((2) * e_eta + (1)) < ((2) * e_eta + (1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, Z_A *)
Lemma claim_14 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((0)) < ((0)) -> ((2) * e_eta + (2)) < ((0)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((0)) < ((2) * e_eta + (2)) -> ((2) * e_eta + (2)) < ((2) * e_eta + (2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, Z_B *)
Lemma claim_15 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((1) * e_eta) -> ((1) * e_eta) < ((1) * e_eta) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((3) * e_eta + (2)) -> ((1) * e_eta) < ((3) * e_eta + (2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, delta_1 *)
Lemma claim_16 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((3) * e_eta + (2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 3, batch: U_A *)
Lemma claim_17 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((2) * e_eta + (2)) < ((0)) + ((2) * e_eta + (2)) + ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 3, dB *)
Lemma claim_18 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((0)) + ((1) * e_eta) -> ((1) * e_eta) < ((0)) + ((1) * e_eta) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((2) * e_eta + (2)) + ((1) * e_eta) -> ((1) * e_eta) < ((2) * e_eta + (2)) + ((1) * e_eta) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 3, U_A *)
Lemma claim_19 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((2) * e_eta + (1)) < ((2) * e_eta + (1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 3, rank: dB A_0 *)
Lemma claim_20 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((3) * e_eta + (2)) + ((0)) + ((0)) -> ((1) * e_eta) < ((3) * e_eta + (2)) + ((0)) + ((0)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((1) * e_eta) + ((0)) + ((0)) -> ((1) * e_eta) < ((1) * e_eta) + ((0)) + ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 3, rank: dB U_A *)
Lemma claim_21 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((3) * e_eta + (2)) + ((2) * e_eta + (2)) + ((0)) -> ((5) * e_eta + (4)) < ((3) * e_eta + (2)) + ((2) * e_eta + (2)) + ((0)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((1) * e_eta) + ((2) * e_eta + (2)) + ((0)) -> ((5) * e_eta + (4)) < ((1) * e_eta) + ((2) * e_eta + (2)) + ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 3, Z_B *)
Lemma claim_22 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((5) * e_eta + (4)) < ((3) * e_eta + (2)) -> ((1) * e_eta) < ((3) * e_eta + (2)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((5) * e_eta + (4)) < ((1) * e_eta) -> ((1) * e_eta) < ((1) * e_eta) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((5) * e_eta + (4)) < ((5) * e_eta + (4)) -> ((1) * e_eta) < ((5) * e_eta + (4)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 3, delta_3 *)
Lemma claim_23 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((3) * e_eta + (2)) -> ((5) * e_eta + (4)) < ((3) * e_eta + (2)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((5) * e_eta + (4)) -> ((5) * e_eta + (4)) < ((5) * e_eta + (4)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 4, out: U_B *)
Lemma claim_24 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (3)) < ((3) * e_eta + (2)) + ((0)) + ((1)) -> ((1) * e_eta + (1)) < ((3) * e_eta + (2)) + ((0)) + ((1)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (3)) < ((1) * e_eta) + ((0)) + ((1)) -> ((1) * e_eta + (1)) < ((1) * e_eta) + ((0)) + ((1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 4, batch: U_B *)
Lemma claim_25 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (3)) < ((3) * e_eta + (3)) + ((0)) + ((0)) -> ((1) * e_eta + (1)) < ((3) * e_eta + (3)) + ((0)) + ((0)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (3)) < ((1) * e_eta + (1)) + ((0)) + ((0)) -> ((1) * e_eta + (1)) < ((1) * e_eta + (1)) + ((0)) + ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 4, dA *)
Lemma claim_26 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((2) * e_eta + (1)) < ((3) * e_eta + (3)) + ((1) * e_eta) -> ((4) * e_eta + (3)) < ((3) * e_eta + (3)) + ((1) * e_eta) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((2) * e_eta + (1)) < ((1) * e_eta + (1)) + ((1) * e_eta) -> ((4) * e_eta + (3)) < ((1) * e_eta + (1)) + ((1) * e_eta) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 4, U_A *)
Lemma claim_27 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((2) * e_eta + (1)) < ((2) * e_eta + (1)) -> ((4) * e_eta + (3)) < ((2) * e_eta + (1)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((2) * e_eta + (1)) < ((4) * e_eta + (3)) -> ((4) * e_eta + (3)) < ((4) * e_eta + (3)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 4, width: U_A *)
Lemma claim_28 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((2) * e_eta + (2)) < ((2) * e_eta + (1)) + ((0)) + ((1)) -> ((4) * e_eta + (4)) < ((2) * e_eta + (1)) + ((0)) + ((1)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((2) * e_eta + (2)) < ((4) * e_eta + (3)) + ((0)) + ((1)) -> ((4) * e_eta + (4)) < ((4) * e_eta + (3)) + ((0)) + ((1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 4, rank: U_B dA *)
Lemma claim_29 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((3) * e_eta + (2)) + ((2) * e_eta + (2)) + ((0)) -> ((7) * e_eta + (6)) < ((3) * e_eta + (2)) + ((2) * e_eta + (2)) + ((0)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((3) * e_eta + (2)) + ((4) * e_eta + (4)) + ((0)) -> ((7) * e_eta + (6)) < ((3) * e_eta + (2)) + ((4) * e_eta + (4)) + ((0)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((1) * e_eta) + ((2) * e_eta + (2)) + ((0)) -> ((7) * e_eta + (6)) < ((1) * e_eta) + ((2) * e_eta + (2)) + ((0)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((1) * e_eta) + ((4) * e_eta + (4)) + ((0)) -> ((7) * e_eta + (6)) < ((1) * e_eta) + ((4) * e_eta + (4)) + ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 4, A *)
Lemma claim_30 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((- (1 / 2))) < ((- (1 / 2))) -> ((4) * e_eta + (3)) < ((- (1 / 2))) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((- (1 / 2))) < ((2) * e_eta + (1)) -> ((4) * e_eta + (3)) < ((2) * e_eta + (1)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((- (1 / 2))) < ((4) * e_eta + (3)) -> ((4) * e_eta + (3)) < ((4) * e_eta + (3)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 4, Z_A *)
Lemma claim_31 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((0)) < ((0)) -> ((4) * e_eta + (4)) < ((0)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((0)) < ((2) * e_eta + (2)) -> ((4) * e_eta + (4)) < ((2) * e_eta + (2)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((0)) < ((4) * e_eta + (4)) -> ((4) * e_eta + (4)) < ((4) * e_eta + (4)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 4, Z_B *)
Lemma claim_32 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((7) * e_eta + (6)) < ((3) * e_eta + (2)) -> ((1) * e_eta) < ((3) * e_eta + (2)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((7) * e_eta + (6)) < ((1) * e_eta) -> ((1) * e_eta) < ((1) * e_eta) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((7) * e_eta + (6)) < ((7) * e_eta + (6)) -> ((1) * e_eta) < ((7) * e_eta + (6)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 4, Delta_Z_B *)
Lemma claim_33 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((7) * e_eta + (6)) < ((5) * e_eta + (4)) -> ((1) * e_eta) < ((5) * e_eta + (4)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 4, delta_1 *)
Lemma claim_34 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((3) * e_eta + (2)) -> ((7) * e_eta + (6)) < ((3) * e_eta + (2)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((7) * e_eta + (6)) -> ((7) * e_eta + (6)) < ((7) * e_eta + (6)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 5, batch: U_A *)
Lemma claim_35 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((2) * e_eta + (2)) < ((0)) + ((2) * e_eta + (2)) + ((0)) -> ((4) * e_eta + (4)) < ((0)) + ((2) * e_eta + (2)) + ((0)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((2) * e_eta + (2)) < ((0)) + ((4) * e_eta + (4)) + ((0)) -> ((4) * e_eta + (4)) < ((0)) + ((4) * e_eta + (4)) + ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 5, dB *)
Lemma claim_36 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((5) * e_eta + (4)) < ((0)) + ((1) * e_eta) -> ((1) * e_eta) < ((0)) + ((1) * e_eta) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((5) * e_eta + (4)) < ((4) * e_eta + (4)) + ((1) * e_eta) -> ((1) * e_eta) < ((4) * e_eta + (4)) + ((1) * e_eta) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 5, rank: dB A_0 *)
Lemma claim_37 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((5) * e_eta + (4)) < ((5) * e_eta + (4)) + ((0)) + ((0)) -> ((1) * e_eta) < ((5) * e_eta + (4)) + ((0)) + ((0)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((5) * e_eta + (4)) < ((1) * e_eta) + ((0)) + ((0)) -> ((1) * e_eta) < ((1) * e_eta) + ((0)) + ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 5, rank: dB U_A *)
Lemma claim_38 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((5) * e_eta + (4)) + ((2) * e_eta + (2)) + ((0)) -> ((9) * e_eta + (8)) < ((5) * e_eta + (4)) + ((2) * e_eta + (2)) + ((0)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((5) * e_eta + (4)) + ((4) * e_eta + (4)) + ((0)) -> ((9) * e_eta + (8)) < ((5) * e_eta + (4)) + ((4) * e_eta + (4)) + ((0)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((1) * e_eta) + ((2) * e_eta + (2)) + ((0)) -> ((9) * e_eta + (8)) < ((1) * e_eta) + ((2) * e_eta + (2)) + ((0)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((1) * e_eta) + ((4) * e_eta + (4)) + ((0)) -> ((9) * e_eta + (8)) < ((1) * e_eta) + ((4) * e_eta + (4)) + ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 5, Z_B *)
Lemma claim_39 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((9) * e_eta + (8)) < ((5) * e_eta + (4)) -> ((1) * e_eta) < ((5) * e_eta + (4)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((9) * e_eta + (8)) < ((1) * e_eta) -> ((1) * e_eta) < ((1) * e_eta) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((9) * e_eta + (8)) < ((3) * e_eta + (2)) -> ((1) * e_eta) < ((3) * e_eta + (2)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((9) * e_eta + (8)) < ((9) * e_eta + (8)) -> ((1) * e_eta) < ((9) * e_eta + (8)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 5, Delta_Z_B *)
Lemma claim_40 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((9) * e_eta + (8)) < ((7) * e_eta + (6)) -> ((1) * e_eta) < ((7) * e_eta + (6)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 5, delta_3 *)
Lemma claim_41 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((3) * e_eta + (2)) -> ((9) * e_eta + (8)) < ((3) * e_eta + (2)) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> ((3) * e_eta + (2)) < ((9) * e_eta + (8)) -> ((9) * e_eta + (8)) < ((9) * e_eta + (8)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 0, Z *)
Lemma claim_42 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (2)) * e_eta + (- (2))) -> ((0)) < ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 0, A_0 *)
Lemma claim_43 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (2)) * e_eta + (- (2))) -> ((- (1 / 2))) < ((- (1 / 2))) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, width: A_0 *)
Lemma claim_44 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (2)) * e_eta + (- (2))) -> ((0)) < ((- (1 / 2))) + ((0)) + ((1 / 2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, batch: A_0 *)
Lemma claim_45 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (2)) * e_eta + (- (2))) -> ((0)) < ((0)) + ((0)) + ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, dB *)
Lemma claim_46 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (2)) * e_eta + (- (2))) -> ((1) * e_eta) < ((0)) + ((1) * e_eta) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, rank: dB A_0 *)
Lemma claim_47 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (2)) * e_eta + (- (2))) -> ((1) * e_eta) < ((1) * e_eta) + ((0)) + ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 1, B *)
Lemma claim_48 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (2)) * e_eta + (- (2))) -> ((1) * e_eta) < ((1) * e_eta) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, out: U_B *)
Lemma claim_49 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (2)) * e_eta + (- (2))) -> ((1) * e_eta + (1)) < ((1) * e_eta) + ((0)) + ((1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, batch: U_B *)
Lemma claim_50 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (2)) * e_eta + (- (2))) -> ((1) * e_eta + (1)) < ((1) * e_eta + (1)) + ((0)) + ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, dA *)
Lemma claim_51 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (2)) * e_eta + (- (2))) -> ((2) * e_eta + (1)) < ((1) * e_eta + (1)) + ((1) * e_eta) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, width: U_A *)
Lemma claim_52 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (2)) * e_eta + (- (2))) -> ((2) * e_eta + (2)) < ((2) * e_eta + (1)) + ((0)) + ((1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, rank: U_B dA *)
Lemma claim_53 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (2)) * e_eta + (- (2))) -> ((3) * e_eta + (2)) < ((1) * e_eta) + ((2) * e_eta + (2)) + ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, A *)
Lemma claim_54 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (2)) * e_eta + (- (2))) -> ((- (1 / 2))) < ((2) * e_eta + (1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, Z_A *)
Lemma claim_55 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (2)) * e_eta + (- (2))) -> ((0)) < ((2) * e_eta + (2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, Z_B *)
Lemma claim_56 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (2)) * e_eta + (- (2))) -> ((1) * e_eta) < ((3) * e_eta + (2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 2, delta_1 *)
Lemma claim_57 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (2)) * e_eta + (- (2))) -> ((3) * e_eta + (2)) < ((3) * e_eta + (2)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 3, batch: U_A *)
Lemma claim_58 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (2)) * e_eta + (- (2))) -> ((2) * e_eta + (2)) < ((0)) + ((2) * e_eta + (2)) + ((0)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* step 3, U_A *)
Lemma claim_59 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (2)) * e_eta + (- (2))) -> ((2) * e_eta + (1)) < ((2) * e_eta + (1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* stable, where it holds *)
Lemma claim_60 : forall e_eta : R,
  (0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((0)) -> False) /\
  (0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((- (1))) -> False) /\
  (0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((2) * e_eta + (2)) -> False) /\
  (0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((1) * e_eta) -> False) /\
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (2)) * e_eta + (- (2))) -> 0 <= ((- (1)) * e_eta) -> ((0)) < ((1) * e_eta + (1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* internally_stable, where it holds *)
Lemma claim_61 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (2)) * e_eta + (- (2))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((0)) -> ((0)) < ((1) * e_eta + (1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* feature_learning, where it holds *)
Lemma claim_62 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (2)) * e_eta + (- (2))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((1) * e_eta) -> ((0)) < ((1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* efficient, where it holds *)
Lemma claim_63 : forall e_eta : R,
  (0 <= ((0)) -> 0 <= ((1)) -> 0 <= ((1)) -> 0 <= ((- (2)) * e_eta + (- (2))) -> 0 <= ((- (1)) * e_eta) -> 0 <= ((- (3)) * e_eta + (- (2))) -> 0 <= ((3) * e_eta + (2)) -> 0 <= ((1) * e_eta) -> ((0)) < ((1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.

(* largest stable rate *)
Lemma claim_64 : forall e_eta : R,
  (0 <= ((- (1)) * e_eta + (- (1))) -> ((0)) < ((1) * e_eta) + ((1)) -> False) /\
  (((1)) < ((1)) -> False).
Proof. intros. repeat split; intros; lra. Qed.
