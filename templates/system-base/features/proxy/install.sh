#!/bin/bash
# An HTTP proxy for all that runs in the image: apt, logins (and so shells and desktops), services.
#
#   VISA_PROXY     http://HOST:PORT, without credentials
#   VISA_NO_PROXY  names, domains and addresses that go without it, separated by commas or blanks; may be empty
set -euo pipefail

fail() {
  echo "proxy: $*" >&2
  exit 1
}

proxy=${VISA_PROXY%/}
# What the machine talks to itself, and what tells it who it is: through a proxy cloud-init would never get its metadata.
without=localhost,127.0.0.1,::1,169.254.169.254

[[ $proxy != *@* ]] || fail "the proxy has credentials, which would be in the image, for everyone to read: leave them out"
[[ $proxy =~ ^https?://([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(:[0-9]+)?$ ]] ||
  fail "\"$proxy\" is not the address of a proxy, such as http://proxy.example.org:3128"

hosts=${VISA_NO_PROXY:-}
read -ra hosts <<<"${hosts//,/ }"
for host in "${hosts[@]}"; do
  [[ $host =~ ^[A-Za-z0-9.*:/-]+$ ]] || fail "\"$host\" in no_proxy is neither a name nor an address"
  [[ ,$without, == *,"$host",* ]] || without+=,$host
done

variables=(http_proxy="$proxy" https_proxy="$proxy" HTTP_PROXY="$proxy" HTTPS_PROXY="$proxy"
  no_proxy="$without" NO_PROXY="$without")

# Logins of all kinds: PAM reads it.
touch /etc/environment
sed -i '/^# visa proxy begin$/,/^# visa proxy end$/d' /etc/environment
{
  echo "# visa proxy begin"
  printf '%s\n' "${variables[@]}"
  echo "# visa proxy end"
} >>/etc/environment

# Services.
mkdir -p /etc/systemd/system.conf.d
{
  echo "[Manager]"
  printf 'DefaultEnvironment="%s"\n' "${variables[@]}"
} >/etc/systemd/system.conf.d/90-visa-proxy.conf

# apt, also where sudo has emptied the environment. It knows hosts, no domains; for those it reads no_proxy where it can.
mkdir -p /etc/apt/apt.conf.d
{
  printf 'Acquire::http::Proxy "%s";\nAcquire::https::Proxy "%s";\n' "$proxy" "$proxy"
  for host in "${hosts[@]}"; do
    if [[ $host =~ ^[A-Za-z0-9][A-Za-z0-9.-]*$ ]]; then
      printf 'Acquire::http::Proxy::%s "DIRECT";\nAcquire::https::Proxy::%s "DIRECT";\n' "$host" "$host"
    fi
  done
} >/etc/apt/apt.conf.d/80visa-proxy
