//! ISO 4217: what a bill may be in. Must not know amounts.

/// Alphabetic codes of national currencies in order, each with a space after it, with those withdrawn since 2014, which older bills are in.
const CODES: &str = "\
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BYR BZD CAD CDF CHE CHF CHW CLF \
    CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR \
    ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LTL LYD MAD MDL MGA MKD MMK MNT MOP MRO MRU \
    MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP \
    SLE SLL SOS SRD SSP STD STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VEF VES VND VUV WST \
    XAF XCD XCG XOF XPF YER ZAR ZMW ZWG ZWL ";

/// The code `text` spells, in whatever case and with spaces around it; none where it is no code of ISO 4217.
#[must_use]
pub fn parse(text: &str) -> Option<&'static str> {
    let text = text.trim();
    let code: [u8; 3] = text.as_bytes().try_into().ok()?;
    let (codes, _) = CODES.as_bytes().as_chunks::<4>();
    let found = codes.binary_search_by(|known| known[..3].cmp(&code.to_ascii_uppercase())).ok()?;
    CODES.get(found * 4..found * 4 + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found() {
        let codes: Vec<&str> = CODES.split_ascii_whitespace().collect();
        assert!(codes.is_sorted() && codes.len() * 4 == CODES.len());
        for code in codes {
            assert_eq!(parse(code), Some(code));
        }
    }

    #[test]
    fn codes_are_read_whatever_their_case_and_nothing_else_is() {
        for text in ["USD", "usd", " Usd\u{a0}"] {
            assert_eq!(parse(text), Some("USD"), "{text}");
        }
        for text in ["", "US Dollar", "$", "USDT", "U D", "ABC", "us"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert!(CODES.split_ascii_whitespace().all(|code| code.len() == 3));
    }
}
