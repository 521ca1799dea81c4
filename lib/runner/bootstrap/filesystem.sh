#!/usr/bin/env bash
# Writes a root file system onto a disk, some MiB from its start: filesystem.sh UUID SIZE_KB START_MIB <ROOT_TAR 1<>DISK
#
# Runs as root of a user namespace (or as root). Standard output is the disk itself, so that the caller's folders need
# not be open to the mapped users: nothing else may be printed there.
set -euo pipefail
umask 022
uuid=$1
size_kb=$2
start_mib=$3
work=$(mktemp -d "${TMPDIR:-/tmp}/visa-base.XXXXXX")
trap 'rm -rf -- "$work"' EXIT

mkdir "$work/root"
tar -C "$work/root" --numeric-owner --xattrs --xattrs-include='*' --exclude=./boot/grub/core.img -xpf -
# Device nodes cannot be made here; the kernel mounts its own over this folder.
mkdir -p "$work/root/dev"
# Every feature is named, so that a newer mkfs makes nothing that an older GRUB cannot read.
mkfs.ext4 -q -F -L root -U "$uuid" -m 1 -b 4096 -I 256 -d "$work/root" \
    -O none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum \
    -E "hash_seed=$uuid,lazy_itable_init=0,lazy_journal_init=0" \
    "$work/root.ext4" "${size_kb}k" >/dev/null
dd if="$work/root.ext4" bs=1M seek="$start_mib" conv=sparse,notrunc status=none
