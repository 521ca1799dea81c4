#!/bin/bash
# Draws, without a display.
set -euo pipefail

gnuplot -e 'set terminal dumb; plot sin(x)' | grep -q 'sin(x)'
