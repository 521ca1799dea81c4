#!/bin/bash
# NeXpy: shows, plots and edits NeXus data, with a Python shell; from PyPI in an environment of its own.
set -euo pipefail

version=2.1.0
home=/opt/nexpy

# What Qt's X11 plugin loads at run time.
apt-get install -y --no-install-recommends libgl1 libegl1 libdbus-1-3 libfontconfig1 libglib2.0-0 \
  libxkbcommon-x11-0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0

/usr/lib/visa/python-environment "$home" "nexpy==$version" PyQt5
ln -sfn "$home/bin/nexpy" /usr/local/bin/nexpy
