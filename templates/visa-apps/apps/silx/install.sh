#!/bin/bash
# silx: the ESRF's viewer for HDF5, EDF and other data, from PyPI in an environment of its own.
set -euo pipefail

version=2.2.2
home=/opt/silx

# What Qt's X11 plugin loads at run time.
apt-get install -y --no-install-recommends python3-venv libgl1 libegl1 libdbus-1-3 libfontconfig1 libglib2.0-0 \
  libxkbcommon-x11-0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0

python3 -m venv "$home"
# Only wheels: nothing is compiled in the image. Byte code is made when a module is first loaded by root, that is here
# for what the smoke check loads.
"$home/bin/pip" install --quiet --no-cache-dir --no-compile --disable-pip-version-check --only-binary :all: \
  "silx==$version" PyQt5 matplotlib
ln -sfn "$home/bin/silx" /usr/local/bin/silx
