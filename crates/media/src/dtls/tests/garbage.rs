//! What anybody may send to a connection ends none that is made.

use super::*;

/// A record of this epoch with a good header and anything in it; every other one pretends to be a whole ClientHello.
fn garbage(dice: &mut Dice, epoch: u8) -> Vec<u8> {
    let body: Vec<u8> = (0..dice.below(60)).map(|_| dice.below(256) as u8).collect();
    let length = body.len() as u8;
    let (content_type, message) = if dice.below(2) == 0 {
        (22, [vec![1, 0, 0, length, 0, 0, 0, 0, 0, 0, 0, length], body].concat())
    } else {
        (20 + dice.below(4) as u8, body)
    };
    let sequence = dice.below(256) as u8;
    [vec![content_type, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, sequence, 0, message.len() as u8], message].concat()
}

#[test]
fn garbage_before_a_client_hello_harms_nothing() {
    for seed in 1..=200 {
        let mut dice = Dice(seed);
        let mut ours = Side::ours(false);
        for _ in 0..4 {
            ours.dtls.handle_packet(&garbage(&mut dice, 0)).unwrap();
            assert_eq!(ours.drain(), Vec::<Vec<u8>>::new(), "seed {seed}: a stranger was answered");
        }
        let mut theirs = Side::dimpl(true);
        exchange(&mut ours, &mut theirs);
        assert_agreed(&ours, &theirs);
    }
}

#[test]
fn garbage_after_the_handshake_harms_nothing() {
    for seed in 1..=8 {
        let mut dice = Dice(seed);
        let (mut ours, mut theirs) = (Side::ours(false), Side::dimpl(true));
        exchange(&mut ours, &mut theirs);
        // Too short for what every record under the agreed cipher has, alone and behind another.
        for length in 0..40 {
            for content_type in 20..=23 {
                let stub = |sequence| {
                    [vec![content_type, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 1, sequence, 0, length], vec![1; length.into()]]
                        .concat()
                };
                ours.dtls.handle_packet(&stub(length)).unwrap();
                ours.dtls.handle_packet(&[garbage(&mut dice, 0), stub(length + 100)].concat()).unwrap();
            }
        }
        for _ in 0..200 {
            let epoch = dice.below(4) as u8;
            ours.dtls.handle_packet(&garbage(&mut dice, epoch)).unwrap();
        }
        theirs.dtls.send_application_data(b"still here").unwrap();
        exchange(&mut ours, &mut theirs);
        assert_eq!(ours.told.last(), Some(&Told::Data(b"still here".to_vec())), "seed {seed}");
    }
}
