#!/bin/bash
# Draws, without a display.
set -euo pipefail

gnuplot -e 'set terminal dumb; set title "It draws"; plot sin(x)' | grep 'It draws'
