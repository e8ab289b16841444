"""Faults of the platform below the services: caches, names, certificates, memory, nodes, clocks."""
from incidentgen import Effect, Fault, REGIONS, SERVICES, failure, register


def level(fault, t, seconds):
    """0..1: how far a fault that builds up over some seconds has come."""
    return max(0, min(1, (t - fault.sim.f0) / seconds))


@register
class CacheFlush(Fault):
    name = "cache_flush"
    title = "A cache loses its keys and the database behind it takes the load"

    def setup(self):
        self.avoid = {"product-catalog", "catalog"}
        self.hits = self.rng.uniform(.04, .2)
        self.why = self.rng.choice([
            "cache client reconnected, keyspace version changed from 31 to 32",
            "applied configuration maxmemory-policy=noeviction for product-cache",
            "product-cache failover finished, new primary is empty"])
        pod = self.sim.pods["product-catalog"][REGIONS[0]][1]
        self.sim.log(self.sim.f0 - 12, "product-catalog", pod, "INFO", self.why)

    def cache_hit(self, c, t):
        return self.hits if self.active(t) else None

    def on_client(self, c, kind, caller, target, pod, t):
        if kind == "db" and target.startswith("catalog:") and self.active(t):
            return Effect(mul=self.rng.uniform(4, 60) * (.3 + .7 * level(self, t, 120)))

    def truth(self):
        return dict(alert="Product pages are slow.", family="cache",
                    root_cause=dict(service="product-catalog", component="product-cache", mechanism="cache hit ratio fell; the database takes every read"),
                    discriminating_attributes=[dict(key="cache.hit", value=False)], affected_services=["product-catalog", "frontend", "frontend-proxy"])


@register
class NodeNames(Fault):
    name = "dns_node"
    title = "Name resolution fails on one node"

    def setup(self):
        self.node = self.rng.choice(self.sim.nodes[self.rng.choice(REGIONS)])
        self.avoid = set()
        self.text = self.rng.choice(["dial tcp: lookup {h} on 10.96.0.10:53: i/o timeout", "getaddrinfo EAI_AGAIN {h}", "Temporary failure in name resolution: {h}"])

    def on_client(self, c, kind, caller, target, pod, t):
        if not self.active(t) or pod.node != self.node or kind not in ("rpc", "ext"):
            return None
        if self.rng.random() < .55:
            from incidentgen import OPS
            host = target if kind == "ext" else OPS[target][0] + ".shop.svc.cluster.local"
            return Effect(add_ms=self.rng.uniform(400, 2000), fail=failure("NameResolutionError", self.text.format(h=host), 503, 14), absent=True)
        return Effect(add_ms=self.rng.uniform(0, 300))

    def metric(self, name, labels, t, v):
        return v

    def truth(self):
        on = sorted({s for s in SERVICES for g in REGIONS for p in self.sim.pods[s][g] if p.node == self.node})
        return dict(alert="Errors in several services of the shop.", family="name_resolution",
                    root_cause=dict(service="node-local-dns", component=self.node, mechanism="DNS fails on one node"),
                    acceptable_services=on + ["coredns", "dns", self.node],
                    discriminating_attributes=[dict(key="k8s.node.name", value=self.node)], affected_services=on)


@register
class CertificateEnd(Fault):
    name = "cert_expired"
    title = "A certificate ends and callers refuse the service"

    def setup(self):
        self.svc, self.host = self.rng.choice([("currency", "currency.shop.svc"), ("payment", "payment.shop.svc")])
        self.avoid = {self.svc}

    def on_client(self, c, kind, caller, target, pod, t):
        from incidentgen import OPS
        if kind == "rpc" and OPS[target][0] == self.svc and self.active(t):
            return Effect(fail=failure("tls", f"tls: failed to verify certificate: x509: certificate has expired or is not yet valid: {self.host}", 503, 14), absent=True)

    def metric(self, name, labels, t, v):
        if name == "probe_ssl_earliest_cert_expiry" and labels["instance"] == self.host:
            return int(self.sim.epoch + self.sim.f0) if t < self.sim.f1 else v
        return v

    def truth(self):
        return dict(alert="Checkout fails for everybody.", family="credentials_expired",
                    root_cause=dict(service=self.svc, component=f"certificate {self.host}", mechanism="certificate expired"),
                    discriminating_attributes=[dict(key="server.address", value=f"{self.svc}.shop.svc.cluster.local")],
                    affected_services=["checkout", "frontend", "frontend-proxy"])


@register
class MemoryLoop(Fault):
    name = "oom_loop"
    title = "A service is killed for its memory again and again"

    def setup(self):
        self.svc = self.rng.choice(["recommendation", "cart", "shipping"])
        self.avoid = {self.svc}
        self.period = self.rng.uniform(150, 260)
        self.base = 140
        for i, pod in enumerate(self.pods()):
            t = self.sim.f0 + self.period * (.4 + .3 * i)
            while t < self.sim.f1:
                self.sim.event(t, "OOMKilling", f"Memory cgroup out of memory: Killed process 1 ({self.svc})", "Warning", **{"k8s.pod.name": pod.name, "k8s.node.name": pod.node})
                self.sim.event(t + 3, "BackOff", f"Back-off restarting failed container {self.svc}", "Warning", **{"k8s.pod.name": pod.name})
                self.sim.log(t + 25, self.svc, pod, "INFO", f"{self.svc} starting version={pod.version(t)}")
                t += self.period

    def pods(self):
        return [p for g in REGIONS for p in self.sim.pods[self.svc][g]]

    def phase(self, pod, t):
        i = next(i for i, p in enumerate(self.pods()) if p.name == pod)
        return ((t - self.sim.f0 - self.period * (.4 + .3 * i)) / self.period) % 1

    def on_client(self, c, kind, caller, target, pod, t):
        from incidentgen import OPS
        if kind != "rpc" or OPS[target][0] != self.svc or not self.active(t):
            return None
        down = sum(self.phase(p.name, t) * self.period < 25 for p in self.pods() if p.region == c["region"]) / 2
        if t > self.sim.f0 + self.period * .4 and self.rng.random() < down:
            return Effect(fail=failure("Unavailable", f"connect ECONNREFUSED {pod.ip}:8080", 503, 14), absent=True)

    def on_server(self, c, op, pod, t):
        if pod.svc == self.svc and self.active(t):
            return Effect(add_ms=self.rng.uniform(0, 500) * self.phase(pod.name, t) ** 2)

    def metric(self, name, labels, t, v):
        if labels.get("service_name") == self.svc and self.active(t) and "pod" in labels:
            i = next(i for i, p in enumerate(self.pods()) if p.name == labels["pod"])
            if name == "container_memory_working_set_mib":
                return round(self.base + 372 * self.phase(labels["pod"], t), 1)
            if name == "kube_pod_container_status_restarts_total":
                return v + max(0, int((t - self.sim.f0 - self.period * (.4 + .3 * i)) // self.period + 1))
        return v

    def truth(self):
        return dict(alert=f"Parts of the shop's pages are missing or slow ({self.svc}).", family="memory_restart",
                    root_cause=dict(service=self.svc, component=f"memory of {self.svc}", mechanism="memory leak, OOM kills"),
                    discriminating_attributes=[], affected_services=[self.svc, "frontend"])


@register
class NoisyNode(Fault):
    name = "noisy_node"
    title = "Another tenant takes the processor of one node"

    def setup(self):
        self.node = self.rng.choice(self.sim.nodes[self.rng.choice(REGIONS)])
        self.avoid = set()
        self.factor = self.rng.uniform(7, 12)

    def on_server(self, c, op, pod, t):
        if pod.node == self.node and self.active(t):
            return Effect(mul=self.factor * self.rng.uniform(.6, 1.5), add_ms=self.rng.uniform(20, 200))

    def metric(self, name, labels, t, v):
        if name == "node_cpu_utilization_ratio" and labels["node"] == self.node and self.active(t):
            return round(.97 + self.rng.uniform(0, .025), 4)
        return v

    def truth(self):
        on = sorted({s for s in SERVICES for g in REGIONS for p in self.sim.pods[s][g] if p.node == self.node})
        return dict(alert="Pages are sometimes slow.", family="noisy_neighbour",
                    root_cause=dict(service="node", component=self.node, mechanism="CPU of one node is taken"), acceptable_services=on + [self.node],
                    discriminating_attributes=[dict(key="k8s.node.name", value=self.node)], affected_services=on)


@register
class ClockSkew(Fault):
    name = "clock_skew"
    title = "The clock of one node jumps"

    def setup(self):
        region = self.rng.choice(REGIONS)
        self.node = self.sim.pods["payment"][region][0].node
        self.avoid = {"payment"}
        self.offset = self.rng.choice([-1, 1]) * self.rng.uniform(2, 40)

    def map_time(self, pod, t):
        return t + self.offset if pod is not None and pod.node == self.node and self.active(t) else t

    def on_server(self, c, op, pod, t):
        if op == "pay.charge" and pod.node == self.node and self.active(t) and self.rng.random() < .7:
            return Effect(fail=failure("InvalidToken", "token used before issued: clock of issuer and verifier differ", 401, 16), skip_children=True)

    def metric(self, name, labels, t, v):
        return round(self.offset + v, 6) if name == "node_timex_offset_seconds" and labels["node"] == self.node and self.active(t) else v

    def truth(self):
        on = sorted({s for s in SERVICES for g in REGIONS for p in self.sim.pods[s][g] if p.node == self.node})
        return dict(alert="Some payments are refused.", family="clock_skew",
                    root_cause=dict(service="payment", component=self.node, mechanism="clock of the node is wrong"), acceptable_services=on + [self.node],
                    discriminating_attributes=[dict(key="k8s.node.name", value=self.node)], affected_services=on)
