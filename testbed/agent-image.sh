# Sourced by recipes in images/: an image (image.sh) with our agent in it, which shows what runs there in the browser.
# shellcheck shell=bash

. "$(dirname "${BASH_SOURCE[0]}")/image.sh"

# image_with_agent FOLDER IMAGE: another recipe's image, and in it the agent of this checkout.
image_with_agent() {
    forget_former "$1"
    own_program myksc-agent "$1.program"
    image_from "$1" "$2"
    into_image "$1.program" /usr/local/bin/myksc-agent
    rm "$1.program"
    image_commit "$1"
}
