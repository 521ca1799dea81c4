#!/bin/bash
# Turns the base into a virtual machine that is kept: boot loader, cloud-init, locale, keyboard, time, journal, power
# button, tools.
#
#   VISA_TIMEZONE, VISA_LOCALE, VISA_KEYBOARD, VISA_NTP_SERVERS  see environment.yml
#   VISA_ROOT_PASSWORD                                           empty: root stays locked
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

install_packages() {
  apt-get install -qq --yes --no-install-recommends \
    systemd-timesyncd bash-completion bzip2 curl iputils-ping nano unzip xz-utils \
    >/dev/null
}

# The base comes with a boot loader that was put together without a first boot; from here on kernels come and go.
install_boot_loader() {
  mkdir -p /etc/default/grub.d
  # Both consoles, the serial one last: there the system's own messages go, and that is what Nova shows.
  cat >/etc/default/grub.d/90_visa.cfg <<'END'
GRUB_TIMEOUT=0
GRUB_CMDLINE_LINUX_DEFAULT=""
GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200"
GRUB_TERMINAL="console serial"
GRUB_SERIAL_COMMAND="serial --unit=0 --speed=115200"
GRUB_DISABLE_OS_PROBER=true
END
  if [[ -d /usr/lib/grub/i386-pc ]]; then
    local disk
    disk=$(lsblk --noheadings --nodeps --output PKNAME "$(findmnt --noheadings --output SOURCE /)" | tr -d ' ')
    grub-install --target=i386-pc "/dev/$disk"
  fi
  update-grub
}

# A bootstrapped base brings this file; a cloud image and what an installer made do not.
set_cloud_init() {
  local file=/etc/cloud/cloud.cfg.d/90_visa.cfg
  if [[ -e $file ]]; then return; fi
  mkdir -p "${file%/*}"
  cat >"$file" <<'END'
# OpenStack gives an instance its data by a config drive or by the metadata service.
datasource_list: [ConfigDrive, OpenStack, None]
# Package sources are the image's, not made anew at the first boot.
apt:
  preserve_sources_list: true
# An instance has one user, its owner, and that one is VISA's: no user of the distribution's name takes its number.
users: []
END
}

set_locale() {
  [[ $VISA_LOCALE =~ ^[A-Za-z0-9_.@-]+$ ]] || { echo "\"$VISA_LOCALE\" is not a locale" >&2; exit 1; }
  if [[ ! $VISA_LOCALE =~ ^(C|POSIX|C\.UTF-8)$ ]]; then
    grep "^$VISA_LOCALE " /usr/share/i18n/SUPPORTED >/etc/locale.gen ||
      { echo "\"$VISA_LOCALE\" is not in /usr/share/i18n/SUPPORTED" >&2; exit 1; }
    locale-gen
  fi
  echo "LANG=$VISA_LOCALE" >/etc/default/locale
}

# What Debian's keyboard-configuration reads, which comes with the X server and leaves the file as it finds it.
set_keyboard() {
  local keyboard=${VISA_KEYBOARD:-us} pattern='^([a-z]+)(\(([A-Za-z0-9_-]+)\))?$'
  [[ $keyboard =~ $pattern ]] || { echo "\"$keyboard\" is not an XKB layout, such as de or ch(fr)" >&2; exit 1; }
  cat >/etc/default/keyboard <<END
XKBMODEL="pc105"
XKBLAYOUT="${BASH_REMATCH[1]}"
XKBVARIANT="${BASH_REMATCH[3]}"
XKBOPTIONS=""
BACKSPACE="guess"
END
}

# By default a tenth of the disk, which is the scientist's.
limit_journal() {
  mkdir -p /etc/systemd/journald.conf.d
  printf '[Journal]\nSystemMaxUse=200M\n' >/etc/systemd/journald.conf.d/90-visa.conf
}

set_time() {
  [[ -f /usr/share/zoneinfo/$VISA_TIMEZONE ]] || { echo "\"$VISA_TIMEZONE\" is not in /usr/share/zoneinfo" >&2; exit 1; }
  ln -sfn "/usr/share/zoneinfo/$VISA_TIMEZONE" /etc/localtime
  echo "$VISA_TIMEZONE" >/etc/timezone
  rm -f /etc/systemd/timesyncd.conf.d/visa.conf
  if [[ ${VISA_NTP_SERVERS:-} ]]; then
    mkdir -p /etc/systemd/timesyncd.conf.d
    printf '[Time]\nNTP=%s\n' "$VISA_NTP_SERVERS" >/etc/systemd/timesyncd.conf.d/visa.conf
  fi
  systemctl --quiet enable systemd-timesyncd.service
}

# A shutdown by the cloud is a press of the power button: no desktop may hold it up.
set_power() {
  mkdir -p /etc/systemd/logind.conf.d
  cat >/etc/systemd/logind.conf.d/90-visa.conf <<'END'
[Login]
HandlePowerKey=poweroff
PowerKeyIgnoreInhibited=yes
HandleSuspendKey=ignore
HandleHibernateKey=ignore
HandleLidSwitch=ignore
END
}

# Packages of an instance change when its image does, not in the first minutes of its life.
disable_background_updates() {
  systemctl --quiet disable apt-daily.timer apt-daily-upgrade.timer
}

set_root_password() {
  if [[ ! ${VISA_ROOT_PASSWORD:-} ]]; then
    passwd --quiet --lock root
    return
  fi
  [[ $VISA_ROOT_PASSWORD != *$'\n'* ]] || { echo "the root password has more than one line" >&2; exit 1; }
  printf 'root:%s\n' "$VISA_ROOT_PASSWORD" | chpasswd
}

install_packages
install_boot_loader
set_cloud_init
set_locale
set_keyboard
set_time
limit_journal
set_power
disable_background_updates
set_root_password
