#!/bin/bash
# Makes a workspace and loads the workbench's parts, with Qt but without a display. Not run yet: see install.sh.
set -euo pipefail

HOME=$(mktemp -d)
export HOME QT_QPA_PLATFORM=offscreen PATH=/opt/mantid/bin:$PATH CONDA_PREFIX=/opt/mantid
trap 'rm -rf "$HOME"' EXIT
for script in /opt/mantid/etc/conda/activate.d/*.sh; do
  # shellcheck source=/dev/null
  if [[ -r $script ]]; then set +u; . "$script"; set -u; fi
done
/opt/mantid/bin/python - <<'END_OF_PYTHON'
import mantid
from mantid.simpleapi import CreateSampleWorkspace
import workbench.app

workspace = CreateSampleWorkspace()
assert workspace.getNumberHistograms() > 0
print("mantid:", mantid.__version__, "made a workspace of", workspace.getNumberHistograms(), "spectra")
END_OF_PYTHON
