#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Err(broken) = properties::check("http2_frames", input) {
        panic!("{broken}");
    }
});
