#!/bin/bash
# Installs guacd with its plugins for RDP and VNC, and the unit that starts it once the instance has its owner and its key.
# Runs in the guest as root, from a folder with guacd.conf and guacd.service; safe to run twice.
#
#   VISA_GUACD_SOURCE         source | distribution | older-suite (default: source)
#   VISA_GUACD_SUITE          older-suite: the suite to take it from (default: bullseye)
#   VISA_GUACD_MIRROR         older-suite: the mirror that has it (default: the one this system uses)
#   VISA_GUACD_SOURCE_URL     source: a release of guacamole-server, as .tar.gz (default: Apache's 1.6.0)
#   VISA_GUACD_SOURCE_SHA256  source: its SHA-256 (default: that of 1.6.0, where the address ends in the name of its file)
#   VISA_READY_UNIT           the unit that starts guacd, and before which it does not run (default: visa-ready.target)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
suite=${VISA_GUACD_SUITE:-bullseye}
source_url=${VISA_GUACD_SOURCE_URL:-https://archive.apache.org/dist/guacamole/1.6.0/source/guacamole-server-1.6.0.tar.gz}
source_sha256=${VISA_GUACD_SOURCE_SHA256:-}
# docs/decisions/guacd.md says where it was read.
if [[ -z $source_sha256 && $source_url == */guacamole-server-1.6.0.tar.gz ]]; then
  source_sha256=8bc45675da96d7b6f39728160181e3d4ff3c08f460f6d26de5805b642bf13f2b
fi
ready=${VISA_READY_UNIT:-visa-ready.target}
packages=(guacd libguac-client-rdp0 libguac-client-vnc0)

export DEBIAN_FRONTEND=noninteractive

fail() {
  echo "guacd: $*" >&2
  exit 1
}

# The source release installs below /usr/local, packages do not. A half-installed package is none.
find_guacd() {
  if [[ -x /usr/local/sbin/guacd ]]; then
    echo /usr/local/sbin/guacd
  elif [[ $(dpkg-query -W -f '${db:Status-Status}' "${packages[@]}" 2>/dev/null) == "$(printf 'installed%.0s' "${packages[@]}")" ]]; then
    echo /usr/sbin/guacd
  fi
}

distribution_has_it() {
  [[ $(apt-cache policy guacd | sed -n 's/^ *Candidate: //p') != @(|"(none)") ]]
}

install_packages() {
  # The package's own unit starts at once and too early; ours takes its place below.
  mkdir -p /etc/systemd/system
  ln -sfn /dev/null /etc/systemd/system/guacd.service
  # guacd's package calls groupadd without depending on passwd.
  apt-get install -y --no-install-recommends passwd "${packages[@]}"
}

# The address of the mirror that this system gets packages with a label from ("Debian", "Debian-Security").
mirror_of() {
  # shellcheck disable=SC2016 # apt's own variables
  apt-get indextargets --format '$(LABEL)|$(SITE)|$(REPO_URI)' 'Created-By: Packages' |
    awk -F'|' -v label="$1" '$1 == label { print ($3 != "" ? $3 : $2); exit }'
}

install_from_older_suite() {
  local mirror security keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  local name=visa-guacd-$suite
  local list=/etc/apt/sources.list.d/$name.list preferences=/etc/apt/preferences.d/$name
  mirror=${VISA_GUACD_MIRROR:-$(mirror_of Debian)}
  [[ -n $mirror ]] || fail "no mirror of Debian is known to apt; set VISA_GUACD_MIRROR"
  security=$(mirror_of Debian-Security)
  [[ -r $keyring ]] || apt-get install -y --no-install-recommends debian-archive-keyring

  # The suite is there for this installation only: an image must not depend on a mirror that drops it one day.
  # shellcheck disable=SC2064 # the paths of now
  trap "rm -f '$list' '$preferences' /var/lib/apt/lists/*_dists_$suite*" EXIT
  printf 'Package: *\nPin: release n=%s*\nPin-Priority: 50\n' "$suite" >"$preferences"
  printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$suite" >"$list"
  if [[ -n $security ]]; then
    printf 'deb [signed-by=%s] %s %s-security main\n' "$keyring" "$security" "$suite" >>"$list"
  fi
  # This list alone: without KVM each of the others takes many seconds.
  apt-get update -qq -o APT::Update::Error-Mode=any -o Dir::Etc::sourcelist="$list" -o Dir::Etc::sourceparts=- \
    -o APT::Get::List-Cleanup=0 ||
    fail "no suite \"$suite\" at $mirror; set VISA_GUACD_MIRROR to one that has it"
  install_packages
  rm -f "$list" "$preferences" /var/lib/apt/lists/*_dists_"$suite"*
  trap - EXIT
}

install_from_source() (
  [[ $source_sha256 =~ ^[0-9a-f]{64}$ ]] ||
    fail "set VISA_GUACD_SOURCE_SHA256 to the SHA-256 that is published beside $source_url"
  local before needed library work freerdp=freerdp2-dev
  before=$(installed)
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  # Debian 13 has FreeRDP 3 only.
  apt-cache show freerdp2-dev >/dev/null 2>&1 || freerdp=freerdp3-dev
  # First of all, since all else takes minutes.
  apt-get install -y --no-install-recommends ca-certificates curl
  curl --fail --silent --show-error --location --retry 3 --output "$work/source.tar.gz" "$source_url" ||
    fail "$source_url cannot be had here: set guacd_source_url to a copy of it, or guacd_source to older-suite"
  echo "$source_sha256  $work/source.tar.gz" | sha256sum --check --status ||
    fail "$source_url has not the SHA-256 $source_sha256"
  apt-get install -y --no-install-recommends build-essential autoconf automake libtool pkg-config \
    libcairo2-dev libjpeg-dev libpng-dev libwebp-dev uuid-dev libssl-dev libvncserver-dev "$freerdp"
  tar -C "$work" --strip-components=1 -xzf "$work/source.tar.gz"
  cd "$work"
  # Releases bring their configure, a snapshot of the repository does not.
  [[ -x configure ]] || autoreconf -fi
  # It makes errors of all warnings, and newer FreeRDP calls deprecated what it uses.
  CFLAGS="-g -O2 -Wno-error=deprecated-declarations" ./configure --prefix=/usr/local --sysconfdir=/etc --disable-guacenc --disable-guaclog --disable-static \
    --with-rdp --with-vnc --without-ssh --without-telnet --without-kubernetes --without-pulse
  make -j"$(nproc)"
  make install
  ldconfig

  # The libraries stay, what came to build with goes: all that is new, but for what the libraries depend on.
  needed=$(find /usr/local/sbin /usr/local/lib -type f \( -name guacd -o -name '*guac*.so*' \) -exec ldd {} + |
    awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
    while read -r library; do
      # dpkg knows a library by its path as packaged, with or without /usr.
      dpkg-query -S "$library" "$(realpath "$library")" "${library#/usr}" 2>/dev/null || true
    done | sed 's/:.*//' | sort -u)
  # shellcheck disable=SC2086 # one word per package
  needed=$(apt-cache depends --recurse --installed --no-recommends --no-suggests --no-enhances --no-conflicts \
    --no-breaks --no-replaces $needed | sed -n 's/^\([a-z0-9][^:]*\).*/\1/p' | sort -u)
  comm -13 <(printf '%s\n' "$before") <(installed) | comm -23 - <(printf '%s\n' "$needed") |
    xargs -r apt-get purge -y
)

# The names of all installed packages, sorted.
installed() {
  # shellcheck disable=SC2016 # dpkg's own variables
  dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | sort -u
}

install_unit() {
  local guacd=$1
  if ! getent passwd guacd >/dev/null; then
    useradd --system --user-group --home-dir /run/guacd --no-create-home --shell /usr/sbin/nologin guacd
  fi
  install -D -m 0644 "$here/guacd.conf" /etc/guacamole/guacd.conf
  # Not onto the link to /dev/null of install_packages.
  rm -f /etc/systemd/system/guacd.service
  sed -e "s|@guacd@|$guacd|" -e "s|@ready@|$ready|" "$here/guacd.service" >/etc/systemd/system/guacd.service
  chmod 0644 /etc/systemd/system/guacd.service
  # By hand, since systemctl would run the package's script for System V as well.
  rm -f /etc/systemd/system/multi-user.target.wants/guacd.service
  mkdir -p "/etc/systemd/system/$ready.wants"
  ln -sfn ../guacd.service "/etc/systemd/system/$ready.wants/guacd.service"
  if [[ -d /run/systemd/system ]]; then
    systemctl daemon-reload
  fi
}

if [[ -z $(find_guacd) ]]; then
  compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null || apt-get update -qq
  source=${VISA_GUACD_SOURCE:-source}
  case $source in
    distribution)
      distribution_has_it || fail "this distribution has no guacd: set guacd_source to source or older-suite"
      install_packages
      ;;
    older-suite) install_from_older_suite ;;
    source) install_from_source ;;
    *) fail "guacd_source is \"$source\", not one of source, distribution, older-suite" ;;
  esac
fi
guacd=$(find_guacd)
[[ -n $guacd ]] || fail "was not installed"
install_unit "$guacd"
"$guacd" -v
# As guacd loads them, once somebody asks for them.
/usr/bin/python3 -IS -c 'import ctypes, sys
for name in sys.argv[1:]:
    ctypes.CDLL(f"libguac-client-{name}.so")' rdp vnc || fail "has not both of its plugins, RDP and VNC"
