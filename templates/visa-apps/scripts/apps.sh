#!/bin/bash
# Installs the applications that are listed: for each a folder of apps/ with install.sh, smoke.sh, which shows that it
# starts, and a menu entry and icon. Runs in the guest; safe to run twice.
#
# Environment: VISA_APPS, names of folders, separated by blanks.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

apps=/var/tmp/visa-build/apps

read -ra names <<<"$VISA_APPS"
for name in "${names[@]}"; do
  [[ -f $apps/$name/install.sh ]] || {
    echo "apps: there is no application \"$name\"; there are: $(cd "$apps" && echo *)" >&2
    exit 1
  }
done

for name in "${names[@]}"; do
  echo "apps: installing $name"
  bash "$apps/$name/install.sh"
  install -d -m 0755 /usr/local/share/applications /usr/local/share/icons/hicolor/scalable/apps
  install -m 0644 "$apps/$name"/*.desktop /usr/local/share/applications/
  install -m 0644 "$apps/$name"/*.svg /usr/local/share/icons/hicolor/scalable/apps/
  echo "apps: trying $name"
  bash "$apps/$name/smoke.sh"
done
