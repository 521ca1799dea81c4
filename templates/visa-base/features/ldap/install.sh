#!/bin/bash
# Users of an LDAP directory, by sssd: the owner is one of them, and no local user is made. Everyone of the directory has
# an account on the machine then, so that files have owners, but only the machine's own owner can log in.
#
#   VISA_LDAP_URI                     ldaps:// or ldap:// addresses, separated by commas
#   VISA_LDAP_SEARCH_BASE             where users and groups are
#   VISA_LDAP_START_TLS               true (default) or false: whether ldap:// is encrypted
#   VISA_LDAP_CA_CERTIFICATE_BASE64   PEM text, in base64; empty: the CAs that the image trusts
#   VISA_LDAP_BIND_DN, VISA_LDAP_BIND_PASSWORD  may be empty
#
# What else sssd knows (other schemas, filters) a facility's layer puts into /etc/sssd/conf.d/*.conf, domain "visa".
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

fail() {
  echo "ldap: $*" >&2
  exit 1
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
uri=${VISA_LDAP_URI// /}
base=${VISA_LDAP_SEARCH_BASE:-}
bind_dn=${VISA_LDAP_BIND_DN:-}
password=${VISA_LDAP_BIND_PASSWORD:-}
ca=/etc/ssl/certs/ca-certificates.crt

server='ldaps?://([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(:[0-9]+)?/?'
[[ $uri =~ ^$server(,$server)*$ ]] || fail "ldap_uri is \"$uri\", expected addresses such as ldaps://ldap.example.org"
[[ $base == *=* && $base != *$'\n'* ]] || fail "ldap_search_base is \"$base\", expected a name such as dc=example,dc=org"
[[ $bind_dn != *$'\n'* && $password != *$'\n'* ]] || fail "ldap_bind_dn or its password has more than one line"
[[ ! $bind_dn || $password ]] || fail "ldap_bind_dn is set without its password: set VISA_LDAP_BIND_PASSWORD"
[[ $bind_dn || ! $password ]] || fail "VISA_LDAP_BIND_PASSWORD is set without ldap_bind_dn: set both or none"
case ${VISA_LDAP_START_TLS:-true} in
  true | false) ;;
  *) fail "ldap_start_tls is \"$VISA_LDAP_START_TLS\", expected true or false" ;;
esac

apt-get install -y --no-install-recommends sssd-ldap libnss-sss libpam-sss ca-certificates openssl

if [[ ${VISA_LDAP_CA_CERTIFICATE_BASE64:-} ]]; then
  ca=/etc/sssd/visa-ca.pem
  base64 --decode <<<"$VISA_LDAP_CA_CERTIFICATE_BASE64" | tr -d '\r' >"$ca"
  chmod 0644 "$ca"
  ! grep -q "PRIVATE KEY" "$ca" || fail "there is a private key in ldap_ca_certificate, which must never be in an image"
  openssl x509 -in "$ca" -noout 2>/dev/null || fail "ldap_ca_certificate is not a certificate in PEM"
fi

# Its parts run with it, as soon as the machine is up, rather than by Debian's sockets at the first use; both exclude each
# other.
systemctl --quiet disable sssd-{autofs,nss,pam,pam-priv,ssh,sudo}.socket
umask 077
cat >/etc/sssd/sssd.conf.new <<CONF
[sssd]
domains = visa
services = nss, pam

[nss]
default_shell = /bin/bash
fallback_homedir = /home/%u
# For an owner whose account is made at the same time as the machine.
entry_negative_timeout = 5

[domain/visa]
id_provider = ldap
auth_provider = ldap
chpass_provider = none
sudo_provider = none
ldap_uri = $uri
ldap_search_base = $base
ldap_id_use_start_tls = ${VISA_LDAP_START_TLS:-true}
ldap_tls_reqcert = demand
ldap_tls_cacert = $ca
ldap_network_timeout = 5
ldap_opt_timeout = 10
min_id = 1000
# A directory that was away is asked again soon.
offline_timeout = 10
offline_timeout_max = 30
offline_timeout_random_offset = 0
${bind_dn:+ldap_default_bind_dn = $bind_dn}
${password:+ldap_default_authtok = $password}
CONF
mv /etc/sssd/sssd.conf.new /etc/sssd/sssd.conf
umask 022
systemctl --quiet enable sssd.service

# PAM: the directory's passwords, but the door only for the owner, and only once the machine is ready for it.
install -m 0644 "$here/visa-owner-only.pam-config" /usr/share/pam-configs/visa-owner-only
pam-auth-update --package --enable visa-owner-only
grep -q pam_listfile.so /etc/pam.d/common-account || fail "/etc/pam.d/common-account was edited by hand: PAM is not set up"

# A token names a user, not a machine: only the owner's counts.
VISA_TOKEN_USERS_ONLY=true bash "$here/../../login/install.sh"
install -d -m 0755 /etc/visa
: >/etc/visa/owner-from-directory
