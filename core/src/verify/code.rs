//! The codes of verdicts: stable names, for programs.

use serde::Serialize;

/// An enum whose variants are serialised, and declared in TypeScript, under the given names.
macro_rules! codes {
    ($($variant:ident = $name:literal,)*) => {
        /// What a check found: a closed set.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        #[cfg_attr(
            feature = "typescript",
            derive(tsify::Tsify),
            tsify(rename = "VerdictCode")
        )]
        pub enum Code {
            $(#[serde(rename = $name)] $variant,)*
        }

        impl Code {
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

codes! {
    Good = "good",
    HeaderMissing = "header_missing",
    TimestampMalformed = "timestamp_malformed",
    TimestampMilliseconds = "timestamp_milliseconds",
    TimestampStale = "timestamp_stale",
    TimestampInTheFuture = "timestamp_in_the_future",
    IdMalformed = "id_malformed",
    NoSecrets = "no_secrets",
    SecretEnded = "secret_ended",
    Algorithm = "algorithm",
    NoSecretMatches = "no_secret_matches",
    SignatureNoV1 = "signature_no_v1",
    SignatureVersionMissing = "signature_version_missing",
    SignatureVersionRepeated = "signature_version_repeated",
    SignatureVersionSpelling = "signature_version_spelling",
    SignatureHex = "signature_hex",
    SignatureHexInBase64 = "signature_hex_in_base64",
    SignatureBase64url = "signature_base64url",
    SignatureUnpadded = "signature_unpadded",
    SignatureEscaped = "signature_escaped",
    SignaturePlusLost = "signature_plus_lost",
    SignatureJoined = "signature_joined",
    SignatureCaseChanged = "signature_case_changed",
    SignatureCutShort = "signature_cut_short",
    SignatureNotBase64 = "signature_not_base64",
    SignatureLength = "signature_length",
    SecretUntidy = "secret_untidy",
    SecretBase64url = "secret_base64url",
    SecretUnpadded = "secret_unpadded",
    SecretHex = "secret_hex",
    SecretIsAName = "secret_is_a_name",
    SecretEmpty = "secret_empty",
    SecretNotBase64 = "secret_not_base64",
    SecretLength = "secret_length",
    KeyWholeText = "key_whole_text",
    KeyNotDecoded = "key_not_decoded",
    KeyPrefixDecoded = "key_prefix_decoded",
    KeyReadAsText = "key_read_as_text",
    KeyHexText = "key_hex_text",
    BodyEmpty = "body_empty",
    BodyEndsChanged = "body_ends_changed",
    BodyBom = "body_bom",
    BodyUtf16 = "body_utf16",
    BodyMojibake = "body_mojibake",
    BodyLatin1 = "body_latin1",
    BodyCharactersReplaced = "body_characters_replaced",
    BodyNotUtf8 = "body_not_utf8",
    BodyLineEndsChanged = "body_line_ends_changed",
    BodyUnicodeNormalised = "body_unicode_normalised",
    BodyBase64 = "body_base64",
    BodyHex = "body_hex",
    BodyHtmlEscaped = "body_html_escaped",
    BodyPercentEncoded = "body_percent_encoded",
    BodyQuoted = "body_quoted",
    BodyPrinted = "body_printed",
    BodyCompressed = "body_compressed",
    BodySurrounded = "body_surrounded",
    BodyRepeated = "body_repeated",
    BodyCutShort = "body_cut_short",
    BodyReserialised = "body_reserialised",
    BodyNotJson = "body_not_json",
    BodyNotOurs = "body_not_ours",
    SignedBodyOnly = "signed_body_only",
    SignedWithoutId = "signed_without_id",
    SignedWithoutTimestamp = "signed_without_timestamp",
    SignedWithoutBody = "signed_without_body",
    SignedInAnotherOrder = "signed_in_another_order",
    SignedWithAnotherSeparator = "signed_with_another_separator",
    SignedMilliseconds = "signed_milliseconds",
    SignedAnotherSpellingOfTheId = "signed_another_spelling_of_the_id",
    IdOfAnotherMessage = "id_of_another_message",
    TimestampOfAnotherMessage = "timestamp_of_another_message",
    BodyOfAnotherMessage = "body_of_another_message",
}
