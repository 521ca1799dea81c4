#!/bin/bash
# JupyterLab, where it is switched on. Runs in the guest; safe to run twice.
#
# Environment: VISA_JUPYTER, true or false.
set -euo pipefail

case "$VISA_JUPYTER" in
  true) bash /var/tmp/visa-build/jupyter/install.sh ;;
  false) echo "jupyter: switched off" ;;
  *) echo "jupyter: the variable jupyter is \"$VISA_JUPYTER\", not true or false" >&2; exit 1 ;;
esac
