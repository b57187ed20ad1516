//! Makes sure that the folder of the built web UI exists, so that the crate compiles before the UI was built.

fn main() -> std::io::Result<()> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/dist");
    std::fs::create_dir_all(folder)?;
    println!("cargo::rerun-if-changed={folder}");
    Ok(())
}
