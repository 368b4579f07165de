fn main() {
    println!("cargo::rerun-if-changed=web/dist"); // the pages are embedded; without this a later build of them goes unnoticed
}
