#!/bin/bash
# The owner finds the facility's welcome in their home. `visa-image verify` runs this in the guest.
file=$(getent passwd "$VISA_OWNER" | cut -d: -f6)/welcome.txt
[[ -s $file ]] || { echo "$file is missing" >&2; exit 1; }
echo "$file, owned by $(stat -c %U "$file")"
