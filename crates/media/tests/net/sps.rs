//! Parameter sets, as an encoder would write them.

/// A sequence parameter set of constrained baseline for pictures of this size, whose sides are even.
pub(crate) fn sps(width: u32, height: u32) -> Vec<u8> {
    let golomb = |number: u32| format!("{:0>1$b}", number + 1, 2 * (number + 1).ilog2() as usize + 1);
    let blocks = |side: u32| side.div_ceil(16);
    let cropped = |side: u32| golomb((blocks(side) * 16 - side) / 2);
    let numbers = |numbers: &[u32]| numbers.iter().map(|number| golomb(*number)).collect::<String>();
    let mut bits = numbers(&[0, 0, 2, 1]) + "0" + &numbers(&[blocks(width) - 1, blocks(height) - 1]) + "111";
    bits += &(golomb(0) + &cropped(width) + &golomb(0) + &cropped(height) + "01");
    bits += &"0".repeat((8 - bits.len() % 8) % 8);
    let bytes = bits.as_bytes().chunks(8).map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | (bit - b'0')));
    [0x67, 66, 0xc0, 31].into_iter().chain(bytes).collect()
}
