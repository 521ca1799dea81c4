#!/bin/bash
# Nobody ends or suspends the machine from the desktop; Nova's ACPI shutdown still works. Runs in the guest; safe to run
# twice.
set -euo pipefail

install -D -m 0644 /var/tmp/visa-build/files/10-visa-power.rules /etc/polkit-1/rules.d/10-visa-power.rules
systemctl --quiet mask sleep.target suspend.target hibernate.target hybrid-sleep.target suspend-then-hibernate.target
# The power button is Nova's way to shut an instance down: logind answers it without asking polkit.
mkdir -p /etc/systemd/logind.conf.d
printf '[Login]\nHandlePowerKey=poweroff\nHandleSuspendKey=ignore\nHandleLidSwitch=ignore\n' \
  >/etc/systemd/logind.conf.d/visa.conf
