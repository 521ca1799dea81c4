#!/bin/bash
# Mantid: the workbench for neutron and muon data, from its project's conda channel in an environment of its own.
#
# Not run yet: no machine of this project's reaches conda channels. The tool that it calls was run on a channel of its
# own; the names of channels, package and programs are those of Mantid's recipes.
#
# Environment: VISA_MANTID_CHANNELS, by name or address, separated by commas.
set -euo pipefail

channels=${VISA_MANTID_CHANNELS:-mantid,conda-forge}
home=/opt/mantid

# The channel brings all else, Qt included.
apt-get install -y --no-install-recommends libgl1 libegl1

/usr/lib/visa/conda-environment "$home" "$channels" mantidworkbench ||
  { echo "mantid: needs its conda channels ($channels); take it off the list, or set mantid_channels" >&2; exit 1; }
# What the environment sets for its programs (paths of plugins and data) is in its activation scripts.
cat >/usr/local/bin/mantidworkbench <<'SCRIPT'
#!/bin/bash
export CONDA_PREFIX=/opt/mantid PATH=/opt/mantid/bin:$PATH
for script in /opt/mantid/etc/conda/activate.d/*.sh; do
  if [ -r "$script" ]; then . "$script"; fi
done
exec /opt/mantid/bin/mantidworkbench "$@"
SCRIPT
chmod 0755 /usr/local/bin/mantidworkbench
