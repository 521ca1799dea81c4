#!/bin/bash
# silx: the ESRF's viewer for HDF5, EDF and other data, from PyPI in an environment of its own.
set -euo pipefail

version=2.2.2
home=/opt/silx

# What Qt's X11 plugin loads at run time.
apt-get install -y --no-install-recommends libgl1 libegl1 libdbus-1-3 libfontconfig1 libglib2.0-0 \
  libxkbcommon-x11-0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0

/usr/lib/visa/python-environment "$home" "silx==$version" PyQt5 matplotlib
ln -sfn "$home/bin/silx" /usr/local/bin/silx
