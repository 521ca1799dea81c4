#!/bin/bash
# Installs the applications that are listed, and the tools that do it, which stay in the image. Runs in the guest; safe
# to run twice.
#
# Environment: VISA_APPS, names of folders of apps/, separated by blanks; may be empty. What else is set is for the
# applications' install.sh.
set -euo pipefail

install -D -m 0755 -t /usr/lib/visa /var/tmp/visa-build/tools/*
read -ra names <<<"$VISA_APPS"
/usr/lib/visa/install-apps ${names[@]+"${names[@]}"}
