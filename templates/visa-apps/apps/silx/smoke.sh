#!/bin/bash
# Opens a file as the viewer does, with Qt but without a display.
set -euo pipefail

/usr/local/bin/silx --version
QT_QPA_PLATFORM=offscreen /opt/silx/bin/python - <<'END'
import h5py, numpy, tempfile
from silx.gui import qt
from silx.app.view.Viewer import Viewer

app = qt.QApplication([])
with tempfile.NamedTemporaryFile(suffix=".h5") as file:
    with h5py.File(file.name, "w") as h5:
        h5["image"] = numpy.arange(100).reshape(10, 10)
    viewer = Viewer()
    viewer.appendFile(file.name)
    viewer.show()
    app.processEvents()
    print("silx: the viewer opens a file:", viewer.windowTitle())
END
