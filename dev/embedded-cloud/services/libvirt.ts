/** How the full cloud's libvirt is configured: as root, in its namespaces, without systemd, D-Bus or control groups. */

/** Files of /etc/libvirt, which is a folder of the cloud's own. */
export const LIBVIRT_FILES: Readonly<Record<string, string>> = {
  "libvirtd.conf": `unix_sock_group = "root"
unix_sock_rw_perms = "0700"
auth_unix_ro = "none"
auth_unix_rw = "none"
`,
  "qemu.conf": `user = "root"
group = "root"
security_driver = "none"
namespaces = []
cgroup_controllers = []
remember_owner = 0
`,
  "virtlogd.conf": "",
};
