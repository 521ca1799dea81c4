#!/bin/bash
# Starts NeXpy as its menu entry does and opens a file, with Qt but without a display.
set -euo pipefail

# NeXpy keeps its settings there.
HOME=$(mktemp -d)
export HOME
trap 'rm -rf "$HOME"' EXIT
QT_QPA_PLATFORM=offscreen /opt/nexpy/bin/python - <<'END'
import argparse, os, pathlib, sys
from nexusformat.nexus import NXdata, NXentry, NXfield, NXroot
from nexpy.gui.consoleapp import NXConsoleApp

file = pathlib.Path.home() / "smoke.nxs"
NXroot(NXentry(NXdata(NXfield(range(10), name="counts")))).save(file)
app = NXConsoleApp()
app.initialize(argparse.Namespace(faulthandler=False, filenames=[str(file)], restore=False))
app.window.show()
app.app.processEvents()
opened = list(app.tree)
print("nexpy: opened", opened, file=sys.__stdout__, flush=True)
# Without the questions that it asks at its end.
os._exit(0 if "smoke" in opened else 1)
END
