#!/bin/bash
# Installs JupyterLab, its kernels (kernels.yml), and the unit that runs it as the owner. Runs in the guest as root, after
# scripts/apps.sh; safe to run twice.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=4.6.6
home=/opt/jupyter
begin=$SECONDS

# python3-venv is for environments that people make in their homes.
apt-get install -y --no-install-recommends python3-venv python3-yaml
install -D -m 0755 -t /usr/lib/visa "$here/visa-jupyter" "$here/jupyter-kernels"
/usr/lib/visa/jupyter-kernels check "$here/kernels.yml"

/usr/lib/visa/python-environment "$home" "jupyterlab==$version"
install -D -m 0644 -t "$home/etc/jupyter" "$here/jupyter_server_config.json"
install -D -m 0644 -t "$home/etc/jupyter/labconfig" "$here/page_config.json"
# The declared kernels are all there are; this one would have none of their packages.
rm -rf "$home/share/jupyter/kernels/python3"
echo "jupyter: JupyterLab took $((SECONDS - begin)) s"
/usr/lib/visa/jupyter-kernels make "$here/kernels.yml"

echo "jupyter: trying JupyterLab"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# All but listening. As root, so that the byte code of what it loads is kept and the owner's server starts quickly.
HOME=$work JUPYTER_RUNTIME_DIR=$work "$home/bin/python" - "$work" <<'END_OF_PYTHON'
import sys
from jupyterlab.labapp import LabApp

lab = LabApp.initialize_server(["--allow-root", "--no-browser", "--port=0", f"--ServerApp.root_dir={sys.argv[1]}"])
print("jupyter: kernels:", ", ".join(sorted(lab.kernel_spec_manager.find_kernel_specs())))
END_OF_PYTHON

install -m 0644 "$here/visa-jupyter.service" /etc/systemd/system/visa-jupyter.service
systemctl --quiet enable visa-jupyter.service
echo "jupyter: all told $((SECONDS - begin)) s"
