//! CRC-32C (RFC 3720 appendix B.4), by which a sender of PROXY headers can protect them.
//!
//! Bit by bit: it is done once a connection, over some dozen bytes.

/// The checksum of all parts, one after the other.
pub(crate) fn crc32c(parts: &[&[u8]]) -> u32 {
    !parts.iter().copied().flatten().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _bit| {
            let carry = crc & 1;
            crc >> 1 ^ (POLYNOMIAL & 0_u32.wrapping_sub(carry))
        })
    })
}

/// 0x1EDC6F41 with its bits the other way round.
const POLYNOMIAL: u32 = 0x82f6_3b78;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_of_the_rfc_come_out() {
        assert_eq!(crc32c(&[&[0; 32]]), 0x8a91_36aa);
        assert_eq!(crc32c(&[&[0xff; 32]]), 0x62a8_ab43);
        let rising: Vec<u8> = (0..32).collect();
        assert_eq!(crc32c(&[&rising]), 0x46dd_794e);
        assert_eq!(crc32c(&[b"1234", b"", b"56789"]), 0xe306_9283);
    }
}
