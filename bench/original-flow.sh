#!/usr/bin/env bash
# What build-image.sh and its README do, in the folder of config.yml: original-flow.sh TEMPLATE NAME
#
# packme runs Packer for each template whose `builds` folder is missing. Left out, in its favour: the virtual environment
# that build-image.sh makes anew each time, PACKER_LOG=1, and packme's -c, which throws away every earlier build.
set -euo pipefail
template=$1 name=$2

packme --templates-base-dir templates --debug --input config.yml -r
# packme ignores Packer's exit code.
[[ -e templates/$template/builds/$template-qemu.iso ]] || { echo "packme built no $template" >&2; exit 1; }
qemu-img convert -f qcow2 -O raw "templates/$template/builds/$template-qemu.iso" "$template.raw"
# The openstack client needs the system's Python.
env PATH=/usr/sbin:/usr/bin:/sbin:/bin openstack image create "$name" --public --min-disk 4 --disk-format raw \
  --file "$template.raw"
