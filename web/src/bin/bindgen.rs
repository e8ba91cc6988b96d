//! Makes JavaScript and TypeScript around the compiled module: `bindgen MODULE FOLDER`.
//!
//! It is what the `wasm-bindgen` command does, in the version that the library has.

use std::env::args;
use std::error::Error;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let [_, module, folder] = <[String; 3]>::try_from(args().collect::<Vec<_>>())
        .map_err(|_| "give the compiled module and a folder")?;
    Bindgen::new()
        .input_path(module)
        .out_name("hookdesk")
        .typescript(true)
        .reset_state_function(true)
        .web(true)?
        .generate(folder)?;
    Ok(())
}
