"""Harder relatives of the other faults: quieter, partial, without words that give them away."""
from incidentgen import Effect, Fault, OPS, REGIONS, SERVICES, failure, register


@register
class SoftCredential(Fault):
    name = "credential_soft"
    title = "An outside service refuses with 403 and nobody marks a span as failed"

    def setup(self):
        self.svc, self.host = self.rng.choice([("payment", "api.psp.example"), ("shipping", "api.carrier.example")])
        self.avoid = {self.svc, "checkout"}

    def on_client(self, c, kind, caller, target, pod, t):
        if kind == "ext" and target == self.host and self.active(t) and self.rng.random() < .7:
            return Effect(mul=.4, fail=failure("403", "merchant account is not allowed to do this", 403, 7, client_error=True))

    def truth(self):
        return dict(alert="Fewer orders are completed than usual.", family="credentials_expired",
                    root_cause=dict(service=self.svc, component=self.host, mechanism="credential revoked"),
                    discriminating_attributes=[dict(key="server.address", value=self.host)], affected_services=[self.svc, "checkout"])


@register
class ShortTimeout(Fault):
    name = "short_timeout"
    title = "A caller is configured to give up too early"

    def setup(self):
        self.caller, self.op = self.rng.choice([("checkout", "pay.charge"), ("frontend", "catalog.search"), ("frontend", "recs.list")])
        self.avoid = {self.caller, OPS[self.op][0]}
        self.limit = {"pay.charge": .11, "catalog.search": .012, "recs.list": .011}[self.op]
        for g in REGIONS:
            for pod in self.sim.pods[self.caller][g]:
                self.sim.log(self.sim.f0 - 5, self.caller, pod, "INFO", f"applied settings revision 88: deadline for {OPS[self.op][0]} = {int(self.limit * 1000)}ms")

    def on_client(self, c, kind, caller, target, pod, t):
        if kind == "rpc" and caller == self.caller and target == self.op and self.active(t) and self.rng.random() < .6:
            return Effect(fail=failure("DeadlineExceeded", f"deadline exceeded after {int(self.limit * 1000)} ms", 504, 4))

    def truth(self):
        svc = OPS[self.op][0]
        return dict(alert="Errors of the shop are up.", family="config_change",
                    root_cause=dict(service=self.caller, component=svc, mechanism="timeout set too short"), acceptable_services=[svc],
                    discriminating_attributes=[dict(key="server.address", value=f"{svc}.shop.svc.cluster.local")], affected_services=[self.caller])


@register
class RegionNames(Fault):
    name = "dns_region"
    title = "Name lookups fail now and then in one region"

    def setup(self):
        self.region = self.rng.choice(REGIONS)
        self.avoid = set()

    def on_client(self, c, kind, caller, target, pod, t):
        if self.active(t) and pod.region == self.region and kind in ("rpc", "ext") and self.rng.random() < .06:
            host = target if kind == "ext" else OPS[target][0] + ".shop.svc.cluster.local"
            return Effect(add_ms=self.rng.choice([0, 5000]), fail=failure("ENOTFOUND", f"getaddrinfo ENOTFOUND {host}", 503, 14), absent=True)

    def metric(self, name, labels, t, v):
        if name == "coredns_dns_responses_total" and labels["rcode"] == "SERVFAIL" and labels["cloud_region"] == self.region and t >= self.sim.f0:
            return v + int(min(t, self.sim.f1) - self.sim.f0) * 3
        return v

    def truth(self):
        return dict(alert="Scattered errors in many services.", family="name_resolution",
                    root_cause=dict(service="coredns", component=self.region, mechanism="DNS fails in a region"), acceptable_services=SERVICES,
                    discriminating_attributes=[dict(key="cloud.region", value=self.region)], affected_services=SERVICES)


@register
class CrawlerSurge(Fault):
    name = "traffic_surge"
    title = "A crawler multiplies the traffic and search gets slow"

    def setup(self):
        self.avoid = {"product-catalog", "catalog"}

    def load(self, t):
        return 2.6 if self.active(t) else 1.0

    def request_attrs(self, c, t):
        return {"app.tenant": "partner", "app.client.platform": "web", "app.client.version": "2.1"} if self.active(t) and self.rng.random() < .6 else {}

    def on_client(self, c, kind, caller, target, pod, t):
        if kind == "db" and target.startswith("catalog:") and self.active(t):
            return Effect(mul=self.rng.uniform(5, 30))

    def truth(self):
        return dict(alert="Search is slow.", family="traffic_surge",
                    root_cause=dict(service="product-catalog", component="traffic", mechanism="crawler"), acceptable_services=["frontend-proxy", "frontend"],
                    discriminating_attributes=[dict(key="app.tenant", value="partner")], affected_services=["product-catalog", "frontend"])


@register
class OnePodDisk(Fault):
    name = "pod_disk_full"
    title = "The disk of one pod is full"

    def setup(self):
        self.svc, self.op = self.rng.choice([("inventory", "inv.reserve"), ("cart", "cart.add"), ("shipping", "ship.order")])
        self.pod = self.rng.choice(self.sim.pods[self.svc][self.rng.choice(REGIONS)])
        self.avoid = {self.svc}

    def on_server(self, c, op, pod, t):
        if pod is self.pod and op == self.op and self.active(t):
            return Effect(fail=failure("IOError", "write /var/spool/wal/000341.log: no space left on device", 500, 13), skip_children=True)

    def truth(self):
        return dict(alert="Some orders fail.", family="resource_saturation",
                    root_cause=dict(service=self.svc, component=self.pod.name, mechanism="disk full on one pod"),
                    discriminating_attributes=[dict(key="k8s.pod.name", value=self.pod.name)], affected_services=[self.svc])


@register
class SlowCacheServer(Fault):
    name = "slow_cache_server"
    title = "The key-value store answers slowly"

    def setup(self):
        self.avoid = {"cart"}

    def on_client(self, c, kind, caller, target, pod, t):
        if kind == "redis" and self.active(t):
            return Effect(mul=self.rng.uniform(50, 400))

    def truth(self):
        return dict(alert="Carts are slow.", family="cache",
                    root_cause=dict(service="cart", component="valkey-cart", mechanism="slow key-value store"),
                    discriminating_attributes=[dict(key="server.address", value="valkey-cart")], affected_services=["cart", "frontend", "checkout"])


@register
class SlowLeak(Fault):
    name = "slow_leak"
    title = "Memory grows and garbage collection slows a service down step by step"

    def setup(self):
        self.svc, self.op = self.rng.choice([("ad", "ads.get"), ("inventory", "inv.stock"), ("recommendation", "recs.list")])
        self.avoid = {self.svc}

    def level(self, t):
        return max(0, min(1, (t - self.sim.f0) / 900))

    def on_server(self, c, op, pod, t):
        if pod.svc == self.svc and self.active(t) and self.rng.random() < .25 + .5 * self.level(t):
            return Effect(add_ms=self.rng.uniform(60, 700) * (.3 + self.level(t)))

    def metric(self, name, labels, t, v):
        if name == "container_memory_working_set_mib" and labels["service_name"] == self.svc and self.active(t):
            return round(v + 320 * self.level(t), 1)
        return v

    def background(self):
        out, t = [], self.sim.f0
        while t < self.sim.f1:
            for g in REGIONS:
                for pod in self.sim.pods[self.svc][g]:
                    out.append((t + self.rng.random(), self.svc, pod, "WARN", f"long pause: heap {int(60 + 39 * self.level(t))}% after collection, stopped {self.rng.randrange(200, 900)} ms", {}))
            t += 40
        return out

    def truth(self):
        return dict(alert="Pages get slower and slower.", family="memory_restart", alert_after_s=600,
                    root_cause=dict(service=self.svc, component=f"memory {self.svc}", mechanism="memory leak"), discriminating_attributes=[], affected_services=[self.svc])


@register
class DatabaseLock(Fault):
    name = "database_lock"
    title = "A migration locks one table"

    def setup(self):
        self.avoid = {"inventory", "accounting"}
        self.sim.log(self.sim.f0 - 4, "inventory", self.sim.pods["inventory"][REGIONS[0]][0], "INFO", "migration 0131_stock_zone started: ALTER TABLE stock")

    def on_client(self, c, kind, caller, target, pod, t):
        if kind == "db" and target == "inventory:UPDATE stock" and self.active(t):
            if self.rng.random() < .4:
                return Effect(mul=1000, fail=failure("LockTimeout", "canceling statement due to lock timeout", 500, 13))
            return Effect(mul=self.rng.uniform(100, 900))

    def truth(self):
        return dict(alert="Orders fail or take long.", family="slow_dependency",
                    root_cause=dict(service="inventory", component="database inventory", mechanism="lock"),
                    discriminating_attributes=[dict(key="db.namespace", value="inventory"), dict(key="db.operation.name", value="UPDATE")], affected_services=["inventory", "checkout"])


@register
class PromptGrown(Fault):
    name = "prompt_grown"
    title = "The agent retrieves ever more text and its prompt grows"

    def setup(self):
        self.avoid = {"shopping-assistant"}
        self.sim.log(self.sim.f0 - 7, "shopping-assistant", self.sim.pods["shopping-assistant"][REGIONS[1]][0], "INFO", "retrieval settings reloaded top_k=5 passes=9")

    def agent_plan(self, c, t):
        if not self.active(t):
            return None
        tools = self.rng.sample(["search_products", "get_product", "get_cart"], self.rng.choice([1, 2]))
        return ["embeddings"] + ["retrieval"] * 9 + ["chat"] + [x for tool in tools for x in (f"tool:{tool}", "chat")]

    def on_client(self, c, kind, caller, target, pod, t):
        if kind == "llm" and self.active(t):
            return Effect(add_ms=self.rng.uniform(300, 1200))

    def truth(self):
        return dict(alert="Token cost of the assistant is up.", family="agent_loop",
                    root_cause=dict(service="shopping-assistant", component="retrieval", mechanism="retrieval repeats, the prompt grows"),
                    discriminating_attributes=[dict(key="gen_ai.data_source.id", value="product-docs")], affected_services=["shopping-assistant"])


@register
class PartialOutside(Fault):
    name = "outside_errors"
    title = "An outside provider answers some calls with 500"

    def setup(self):
        self.svc, self.host = self.rng.choice([("payment", "api.psp.example"), ("shipping", "api.carrier.example")])
        self.avoid = {self.svc}

    def on_client(self, c, kind, caller, target, pod, t):
        if kind == "ext" and target == self.host and self.active(t) and self.rng.random() < .25:
            return Effect(fail=failure("500", "internal server error", 500, 13))

    def truth(self):
        return dict(alert="Checkout errors.", family="dependency_failure",
                    root_cause=dict(service=self.svc, component=self.host, mechanism="provider fails"),
                    discriminating_attributes=[dict(key="server.address", value=self.host)], affected_services=[self.svc])
