// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/libvirt/domain_xml.h"

#include "hostd/libvirt/xml_tree.h"
#include "vmspec/base/identity.h"

namespace bulkhead::hostd {

namespace {

constexpr char kQemuUri[] = "http://libvirt.org/schemas/domain/qemu/1.0";
/// pcie=on: without it libvirt's PCIe addresses name a bus that is not there. The others drop what
/// a level does not need: a serial port on the ISA bus, and kernel arguments that nobody wrote.
constexpr char kMachineOptions[] = "pcie=on,isa-serial=off,auto-kernel-cmdline=off";

/// Hands out root ports: bus N is the port with index N.
class RootPorts {
 public:
  explicit RootPorts(XmlElement devices) : devices_(devices) {}

  /// A new port with `device` behind it. No hot-plug: what a level starts with it keeps.
  void Place(XmlElement device) {
    AddPort().Add("target").Set("hotplug", "off");
    device.Add("address")
        .Set("type", "pci")
        .Set("domain", "0x0000")
        .Set("bus", std::to_string(count_))
        .Set("slot", "0x00")
        .Set("function", "0x0");
  }
  XmlElement AddPort() {
    return devices_.Add("controller")
        .Set("type", "pci")
        .Set("index", std::to_string(++count_))
        .Set("model", "pcie-root-port");
  }

 private:
  XmlElement devices_;
  unsigned count_ = 0;
};

void AddMetadata(XmlElement domain, const DomainSpec& spec) {
  auto ours = domain.Add("metadata")
                  .DeclareNamespace("bulkhead", kMetadataUri)
                  .AddIn("bulkhead", kMetadataElement);
  ours.Set("name", spec.level)
      .Set("index", std::to_string(spec.index))
      .Set("image-version", spec.image_version)
      .Set("created", std::to_string(spec.created_unix_s));
  if (!spec.icon.empty()) ours.Set("icon", spec.icon);
}

void AddIdentity(XmlElement domain, const DomainSpec& spec) {
  domain.Add("name").Text(DomainName(spec.level));
  if (!spec.uuid.empty()) domain.Add("uuid").Text(spec.uuid);
  if (!spec.title.empty()) domain.Add("title").Text(spec.title);
  AddMetadata(domain, spec);
}

bool HasBalloon(const DomainSpec& spec) { return spec.memory_max_mib > spec.memory_mib; }

void AddMemory(XmlElement domain, const DomainSpec& spec) {
  auto most = HasBalloon(spec) ? spec.memory_max_mib : spec.memory_mib;
  domain.Add("memory").Set("unit", "MiB").Text(std::to_string(most));
  if (!HasBalloon(spec)) return;
  domain.Add("currentMemory").Set("unit", "MiB").Text(std::to_string(spec.memory_mib));
}

/// What is as everybody's is left out: a host without cgroups refuses to be asked for it.
void AddCpuTuning(XmlElement domain, const DomainSpec& spec) {
  if (spec.cpu_quota_percent == 100 && spec.cpu_weight == 100) return;
  auto tune = domain.Add("cputune");
  // cgroup v2's cpu.weight: libvirt writes the number as it is.
  if (spec.cpu_weight != 100) tune.Add("shares").Text(std::to_string(spec.cpu_weight));
  if (spec.cpu_quota_percent == 100) return;
  // global_*: QEMU's own threads count too, a guest cannot move its work there.
  constexpr unsigned kPeriodUs = 100'000;
  auto quota = std::uint64_t{kPeriodUs} / 100 * spec.cpu_quota_percent * spec.vcpus;
  tune.Add("global_period").Text(std::to_string(kPeriodUs));
  tune.Add("global_quota").Text(std::to_string(quota));
}

void AddResources(XmlElement domain, const DomainSpec& spec) {
  AddMemory(domain, spec);
  domain.Add("vcpu").Text(std::to_string(spec.vcpus));
  AddCpuTuning(domain, spec);
}

bool IsKvm(const DomainSpec& spec) { return spec.accel == Acceleration::kKvm; }

/// microvm has no clock to measure the TSC by but the PIT, and TCG's PIT ticks too late on a busy
/// host: about every second boot hangs. So the guest is told.
std::string CommandLine(const DomainSpec& spec) {
  if (IsKvm(spec) || spec.tsc_khz == 0) return spec.cmdline;
  return spec.cmdline + " tsc_early_khz=" + std::to_string(spec.tsc_khz);
}

void AddMachine(XmlElement domain, const DomainSpec& spec) {
  auto os = domain.Add("os");
  os.Add("type").Set("arch", "x86_64").Set("machine", "microvm").Text("hvm");
  os.Add("kernel").Text(spec.kernel);
  if (!spec.initrd.empty()) os.Add("initrd").Text(spec.initrd);
  if (std::string line = CommandLine(spec); !line.empty()) os.Add("cmdline").Text(line);
  domain.Add("features").Add("acpi");
  domain.Add("cpu").Set("mode", IsKvm(spec) ? "host-passthrough" : "maximum");
  domain.Add("clock").Set("offset", "utc");
  // Each end of a guest is the end of the domain: what comes next is hostd's to decide.
  for (const char* end : {"on_poweroff", "on_reboot", "on_crash"}) domain.Add(end).Text("destroy");
}

/// The kinds of controllers that libvirt would otherwise add on its own.
void AddController(XmlElement devices, const char* type, const char* model) {
  devices.Add("controller").Set("type", type).Set("index", "0").Set("model", model);
}

/// One group for all disks of the level: together they get what the limit says. Its name is QEMU's
/// own, another level's is in another process.
void AddIoLimits(XmlElement disk, const DomainSpec& spec) {
  if (spec.io_read_bytes_per_s == 0 && spec.io_write_bytes_per_s == 0) return;
  auto tune = disk.Add("iotune");
  tune.Add("read_bytes_sec").Text(std::to_string(spec.io_read_bytes_per_s));
  tune.Add("write_bytes_sec").Text(std::to_string(spec.io_write_bytes_per_s));
  tune.Add("group_name").Text("level");
}

void AddDisk(XmlElement devices, RootPorts& ports, const DomainSpec& spec, const DiskImage& image,
             const char* group, const char* target) {
  bool writable = &image != &spec.root;
  auto disk = devices.Add("disk").Set("type", "file").Set("device", "disk");
  auto driver = disk.Add("driver").Set("name", "qemu").Set("type", "raw").Set("packed", "off");
  if (writable) driver.Set("discard", "unmap");
  auto source = disk.Add("source").Set("file", image.path);
  if (image.HandedOver()) source.Set("fdgroup", group);
  // What comes by descriptor needs no owner, and an image is shared by levels with several uids.
  if (image.HandedOver() || !writable)
    source.Add("seclabel").Set("model", "dac").Set("relabel", "no");
  disk.Add("target").Set("dev", target).Set("bus", "virtio");
  if (!writable) disk.Add("readonly");
  // virtio-blk's serial: the guest can find its disks by it, whatever the order of probing.
  disk.Add("serial").Text(group);
  AddIoLimits(disk, spec);
  ports.Place(disk);
}

void AddNetwork(XmlElement devices, RootPorts& ports, const NetworkInterface& network) {
  auto nic = devices.Add("interface").Set("type", "ethernet");
  nic.Add("mac").Set("address", network.mac);
  // The tap is netd's: libvirt opens it and changes nothing.
  nic.Add("target").Set("dev", network.tap).Set("managed", "no");
  nic.Add("model").Set("type", "virtio");
  // Not vhost: the guest's rings are read by its own confined QEMU, not by the host's kernel.
  nic.Add("driver").Set("name", "qemu").Set("packed", "off");
  nic.Add("rom").Set("enabled", "no");
  ports.Place(nic);
}

void AddSocket(XmlElement device, const std::string& path) {
  device.Add("source").Set("mode", "bind").Set("path", path);
}

void AddSerial(XmlElement devices, RootPorts& ports, const DomainSpec& spec) {
  auto controller = devices.Add("controller").Set("type", "virtio-serial").Set("index", "0");
  controller.Add("driver").Set("packed", "off");
  ports.Place(controller);
  auto console = devices.Add("console").Set("type", "unix");
  AddSocket(console, spec.console_socket);
  console.Add("target").Set("type", "virtio").Set("port", "0");
  for (const Channel& c : spec.channels) {
    auto channel = devices.Add("channel").Set("type", "unix");
    AddSocket(channel, c.socket_path);
    channel.Add("target").Set("type", "virtio").Set("name", c.port);
  }
}

void AddRng(XmlElement devices, RootPorts& ports) {
  auto rng = devices.Add("rng").Set("model", "virtio");
  rng.Add("backend").Set("model", "builtin");
  rng.Add("driver").Set("packed", "off");
  ports.Place(rng);
}

/// The guest may take pages out of its balloon before it runs out of memory, and what it frees goes
/// back to the host without being asked for.
void AddBalloon(XmlElement devices, RootPorts& ports) {
  auto balloon = devices.Add("memballoon").Set("model", "virtio");
  balloon.Set("autodeflate", "on").Set("freePageReporting", "on");
  balloon.Add("driver").Set("packed", "off");
  ports.Place(balloon);
}

void AddDevices(XmlElement domain, const DomainSpec& spec) {
  auto devices = domain.Add("devices");
  devices.Add("emulator").Text("/usr/bin/qemu-system-x86_64");
  // Said, or libvirt adds its own: a USB controller, a balloon (memory is read from the host's
  // side).
  AddController(devices, "usb", "none");
  AddController(devices, "pci", "pcie-root");
  if (!HasBalloon(spec)) devices.Add("memballoon").Set("model", "none");
  RootPorts ports(devices);
  AddDisk(devices, ports, spec, spec.root, kRootFdGroup, "vda");
  if (spec.state) AddDisk(devices, ports, spec, *spec.state, kStateFdGroup, "vdb");
  if (spec.network) AddNetwork(devices, ports, *spec.network);
  AddSerial(devices, ports, spec);
  AddRng(devices, ports);
  if (HasBalloon(spec)) AddBalloon(devices, ports);
  for (std::uint32_t i = 0; i < spec.hotplug_ports; ++i) ports.AddPort();
}

void AddConfinement(XmlElement domain, const DomainSpec& spec) {
  // "+N": a number, never looked up as a name.
  std::string id = "+" + std::to_string(LevelUid(spec.index));
  domain.Add("seclabel")
      .Set("type", "static")
      .Set("model", "dac")
      .Set("relabel", "yes")
      .Add("label")
      .Text(id + ":" + id);
}

void AddMachineOptions(XmlElement domain) {
  auto commandline = domain.AddIn("qemu", "commandline");
  commandline.AddIn("qemu", "arg").Set("value", "-machine");
  commandline.AddIn("qemu", "arg").Set("value", kMachineOptions);
}

}  // namespace

Result<std::string> BuildDomainXml(const DomainSpec& spec) {
  if (auto s = CheckDomainSpec(spec); !s) return Propagate(s);
  XmlDocument document("domain");
  XmlElement domain = document.Root();
  domain.DeclareNamespace("qemu", kQemuUri);
  domain.Set("type", IsKvm(spec) ? "kvm" : "qemu");
  AddIdentity(domain, spec);
  AddResources(domain, spec);
  AddMachine(domain, spec);
  AddDevices(domain, spec);
  AddConfinement(domain, spec);
  AddMachineOptions(domain);
  return document.Write();
}

}  // namespace bulkhead::hostd
