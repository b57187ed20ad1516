use proptest::prelude::*;

use super::*;

const G: Nonce = [0x11; NONCE_BYTES];
const C: Nonce = [0x22; NONCE_BYTES];

fn key(byte: u8) -> GuardKey {
    GuardKey::new([byte; 32])
}

/// A handshake whose messages pass through somebody's hands, each with the number of bytes that went before it.
fn shake(
    guard: &GuardKey,
    gateway: &GuardKey,
    (first, second): (Nonce, Nonce),
    change: impl Fn(usize, &mut [u8]),
) -> Result<(), NotProven> {
    let challenge = Challenge::new(first);
    let mut hello = challenge.hello();
    change(0, &mut hello);
    let response = Response::new(gateway, &hello, second)?;
    let mut answer = *response.answer();
    change(HELLO_BYTES, &mut answer);
    let mut proof = challenge.admit(guard, &answer)?;
    change(HELLO_BYTES + ANSWER_BYTES, &mut proof);
    response.check(&proof)
}

#[test]
fn what_goes_over_the_wire_stays_as_it_is() {
    let key = GuardKey::new(std::array::from_fn(|index| index as u8));
    let challenge = Challenge::new(G);
    let hello = challenge.hello();
    assert_eq!((&hello[..8], &hello[8..]), (&b"mykscgd1"[..], &G[..]));
    let response = Response::new(&key, &hello, C).unwrap();
    let (nonce, proof) = response.answer().split_at(NONCE_BYTES);
    assert_eq!(nonce, C);
    assert_eq!(hex::encode(proof), "78dc73aa21223146c0a0c436f553e0ebb88c1ccbb4f151690938ae89003b6561");
    let proof = challenge.admit(&key, response.answer()).unwrap();
    assert_eq!(hex::encode(proof), "8cd033807b7df1263ddf397c77d8f0e81ba9d8d157d413dd62d10cca1fec5b34");
    assert_eq!(response.check(&proof), Ok(()));
}

#[test]
fn a_key_is_64_hexadecimal_digits_and_shows_itself_to_nobody() {
    let key = key(0xa7);
    assert_eq!(GuardKey::from_hex(&key.to_hex()), Some(key.clone()));
    assert_eq!(format!("{key:?}"), "GuardKey");
    for wrong in ["", "a7", &"a7".repeat(31), &"a7".repeat(33), &"x7".repeat(32), &"a7 ".repeat(32)] {
        assert_eq!(GuardKey::from_hex(wrong), None, "{wrong:?}");
    }
    assert_ne!(key, self::key(0xa6));
}

#[test]
fn both_sides_need_the_key() {
    let untouched = |_: usize, _: &mut [u8]| {};
    assert_eq!(shake(&key(1), &key(1), (G, C), untouched), Ok(()));
    assert_eq!(shake(&key(1), &key(2), (G, C), untouched), Err(NotProven::WrongKey));
    // A guard that lets anybody in still has to prove itself.
    let hello = Challenge::new(G).hello();
    for proof in [key(2).prove(BY_GUARD, &G, &C), [0; PROOF_BYTES], G, C] {
        let response = Response::new(&key(1), &hello, C).unwrap();
        assert_eq!(response.check(&proof), Err(NotProven::WrongKey));
    }
}

#[test]
fn what_a_side_said_is_no_proof_to_it() {
    let hello = Challenge::new(G).hello();
    let said = *Response::new(&key(1), &hello, C).unwrap().answer();
    let (_, own_proof) = halves::<NONCE_BYTES, PROOF_BYTES, ANSWER_BYTES>(&said);
    // The gateway's own proof, sent back to it by an impostor.
    assert_eq!(Response::new(&key(1), &hello, C).unwrap().check(&own_proof), Err(NotProven::WrongKey));
    // A guard's own bytes, sent back to it: its nonce as the caller's with any proof of its own.
    let proof = Challenge::new(G).admit(&key(1), &said).unwrap();
    for reflected in [join(&G, &proof), join(&C, &proof), join(&G, &own_proof), join(&G, &G)] {
        assert_eq!(Challenge::new(G).admit(&key(1), &reflected), Err(NotProven::WrongKey));
    }
    // What opened one connection opens no other, whether to this guard or to another with the same key.
    assert_eq!(Challenge::new([3; 32]).admit(&key(1), &said), Err(NotProven::WrongKey));
    assert_eq!(Response::new(&key(1), &hello, [3; 32]).unwrap().check(&proof), Err(NotProven::WrongKey));
}

#[test]
fn what_is_no_guard_gets_no_answer() {
    let mut other_version = Challenge::new(G).hello();
    other_version[7] = b'2';
    let mut http = [b' '; HELLO_BYTES];
    http[..12].copy_from_slice(b"HTTP/1.1 400");
    for hello in [other_version, http, [0; HELLO_BYTES]] {
        assert_eq!(Response::new(&key(1), &hello, C).unwrap_err(), NotProven::NoGuard);
    }
}

#[test]
fn every_handshake_has_numbers_of_its_own() {
    assert_ne!(random_nonce(), random_nonce());
}

proptest! {
    #[test]
    fn whoever_holds_the_key_is_let_in(bytes: [u8; 32], first: Nonce, second: Nonce) {
        let key = GuardKey::new(bytes);
        prop_assert_eq!(shake(&key, &key, (first, second), |_, _| {}), Ok(()));
    }

    #[test]
    fn one_changed_bit_of_any_message_ends_it(place in 0..(HELLO_BYTES + ANSWER_BYTES + PROOF_BYTES) * 8) {
        let (byte, bit) = (place / 8, 1 << (place % 8));
        let changed = shake(&key(1), &key(1), (G, C), |before, message| {
            if let Some(byte) = byte.checked_sub(before).and_then(|index| message.get_mut(index)) {
                *byte ^= bit;
            }
        });
        prop_assert!(changed.is_err());
    }

    #[test]
    fn a_message_that_was_cut_and_filled_up_is_none(kept in 0..ANSWER_BYTES, filling: u8) {
        let answer = *Response::new(&key(1), &Challenge::new(G).hello(), C).unwrap().answer();
        let mut cut = answer;
        cut[kept..].fill(filling);
        prop_assume!(cut != answer);
        prop_assert_eq!(Challenge::new(G).admit(&key(1), &cut), Err(NotProven::WrongKey));
    }
}
