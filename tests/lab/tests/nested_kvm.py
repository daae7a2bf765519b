# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest under libvirt in the lab really runs with KVM: QEMU says so, and its init speaks."""
FEATURES = ["X12"]
SMOKE = True

INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc
/bin/busybox mount -t proc proc /proc
/bin/busybox grep -m1 -o "Hypervisor detected: KVM" /proc/kmsg || /bin/busybox dmesg | /bin/busybox grep -o "Hypervisor detected.*"
echo lab-guest-init-$((6*7))
/bin/busybox sleep 1000
"""
DOMAIN = """<domain type="kvm"><name>lab-guest</name><memory unit="MiB">256</memory><vcpu>1</vcpu>
<os><type arch="x86_64" machine="q35">hvm</type><kernel>/var/lib/libvirt/images/vmlinuz</kernel>
<initrd>/var/lib/libvirt/images/initrd</initrd><cmdline>console=ttyS0 quiet=no</cmdline></os><cpu mode="host-passthrough"/>
<devices><serial type="file"><source path="/var/lib/libvirt/images/console.log"/><target port="0"/></serial></devices></domain>
"""
MAKE = """set -e
d=$(mktemp -d); mkdir -p $d/bin; cp /bin/busybox $d/bin/; cat > $d/init; chmod 755 $d/init
(cd $d && find . | cpio -o -H newc --quiet) > /var/lib/libvirt/images/initrd
cp /boot/vmlinuz-* /var/lib/libvirt/images/vmlinuz
"""


def test(host):
    assert host.outcome("test -c /dev/kvm").code == 0, "no /dev/kvm: nesting is off"
    host.run(MAKE, stdin=INIT.encode())
    host.push(DOMAIN.encode(), "/tmp/lab-guest.xml")
    host.run("virsh create /tmp/lab-guest.xml")
    answer = host.run("""virsh qemu-monitor-command lab-guest '{"execute":"query-kvm"}'""")
    assert '"enabled":true' in answer, answer
    host.wait_for("grep lab-guest-init-42 /var/lib/libvirt/images/console.log", 120)
    assert "Hypervisor detected: KVM" in host.run("cat /var/lib/libvirt/images/console.log")
    host.run("virsh destroy lab-guest")
