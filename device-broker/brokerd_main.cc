// SPDX-License-Identifier: GPL-2.0-or-later
/// bulkhead-brokerd: no arguments. Runs as uid kUidBroker with the group disk and no capability.
#include <cstdio>

#include "device-broker/block_devices.h"
#include "device-broker/brokerd_confine.h"
#include "device-broker/brokerd_server.h"
#include "vmspec/base/paths.h"
#include "vmspec/base/sanitize.h"
#include "vmspec/base/socket.h"

namespace bulkhead::broker {
namespace {

void Log(const std::string& sentence) {
  std::fprintf(stderr, "bulkhead-brokerd: %s\n", Printable(sentence, 512).c_str());
}

/// Returns when it cannot go on.
Status Run() {
  Paths paths = Paths::FromEnvironment();
  auto devices = BlockDevices::Open({});
  if (!devices) return Propagate(devices);
  auto listener = ListenUnix(paths.BrokerSocket(), 0666);
  if (!listener) return Propagate(listener);
  if (Status confined = ConfineBrokerd(paths); !confined) return confined;

  Broker broker(std::make_unique<BlockDevices>(std::move(*devices)), Store(paths.BrokerState()));
  // It goes on and says so to whoever asks; ending would only have it restarted.
  if (!broker.condition()) Log(broker.condition().error().message);
  BrokerdServer server(std::move(*listener), broker, Log);
  for (;;) {
    if (Status served = server.RunOnce(); !served) return served;
  }
}

}  // namespace
}  // namespace bulkhead::broker

int main(int argc, char**) {
  if (argc != 1) {
    std::fputs("bulkhead-brokerd: takes no arguments\n", stderr);
    return 2;
  }
  auto status = bulkhead::broker::Run();
  std::fprintf(stderr, "bulkhead-brokerd: %s\n",
               bulkhead::Printable(status.error().message, 512).c_str());
  return 1;
}
