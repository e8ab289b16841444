"""Faults written after the investigation and before its results on them were looked at: how well it does on what it was not made for."""
from incidentgen import Effect, Fault, OPS, REGIONS, SERVICES, VERSIONS, failure, register


def pods_of(sim, svc):
    return [p for g in REGIONS for p in sim.pods[svc][g]]


def bumped(version):
    major, minor, _ = version.split(".")
    return f"{major}.{int(minor) + 1}.0"


@register
class SlowRelease(Fault):
    name = "release_slow"
    title = "A canary in one region is slow on one operation and fails nothing"

    def setup(self):
        self.svc, self.op = self.rng.choice([("recommendation", "recs.list"), ("cart", "cart.get"), ("product-catalog", "catalog.get"), ("shipping", "ship.quote")])
        self.region = self.rng.choice(REGIONS)
        self.avoid = {self.svc}
        self.new = bumped(VERSIONS[self.svc])
        self.sim.rollout(self.svc, self.sim.f0 - 25, self.new, regions=[self.region])

    def on_server(self, c, op, pod, t):
        if op == self.op and pod.version(t) == self.new:
            return Effect(add_ms=self.rng.uniform(180, 700))

    def truth(self):
        return dict(alert="Pages of the shop have become slow for some users.", family="bad_release",
                    root_cause=dict(service=self.svc, component=f"version {self.new}", mechanism="slow code path in a canary release"),
                    discriminating_attributes=[dict(key="service.version", value=self.new)], affected_services=[self.svc, "frontend", "frontend-proxy"])


@register
class ThreadPool(Fault):
    name = "thread_pool"
    title = "A service runs out of worker threads: requests wait, some are rejected"

    def setup(self):
        self.svc, self.op = self.rng.choice([("ad", "ads.get"), ("inventory", "inv.stock"), ("fraud-detection", "fraud.order")])
        if self.svc == "fraud-detection":
            self.svc, self.op = "payment", "pay.charge"
        self.avoid = {self.svc}

    def on_server(self, c, op, pod, t):
        if op != self.op or not self.active(t):
            return None
        if self.rng.random() < .3:
            return Effect(add_ms=self.rng.uniform(1, 4), fail=failure("java.util.concurrent.RejectedExecutionException", "Thread pool is EXHAUSTED! pool size: 200 (active: 200, core: 200, max: 200), queue: 1000/1000", 503, 8,
                                                                   "\tat org.apache.dubbo.common.threadpool.support.AbortPolicyWithReport.rejectedExecution(AbortPolicyWithReport.java:65)\n\tat java.base/java.util.concurrent.ThreadPoolExecutor.reject(ThreadPoolExecutor.java:841)"), skip_children=True)
        return Effect(add_ms=self.rng.uniform(300, 1400))

    def truth(self):
        return dict(alert="Latency objective of the shop is burning.", family="pool_exhausted",
                    root_cause=dict(service=self.svc, component="thread pool", mechanism="worker threads exhausted"),
                    discriminating_attributes=[], affected_services=[self.svc, "frontend", "frontend-proxy"])


@register
class StoreFull(Fault):
    name = "store_full"
    title = "The key-value store refuses writes because its memory is full"

    def setup(self):
        self.avoid = {"cart"}

    def on_client(self, c, kind, caller, target, pod, t):
        if kind == "redis" and target in ("HSET", "DEL") and self.active(t) and (target == "HSET" or self.rng.random() < .5):
            return Effect(fail=failure("ReplyError", f"OOM command not allowed when used memory > 'maxmemory'. script: {target}", 500, 13))

    def truth(self):
        return dict(alert="Users cannot put products into the cart.", family="cache",
                    root_cause=dict(service="cart", component="valkey-cart", mechanism="store out of memory refuses writes"),
                    discriminating_attributes=[dict(key="server.address", value="valkey-cart")], affected_services=["cart", "frontend", "frontend-proxy"])


@register
class CrashLoop(Fault):
    name = "crash_loop"
    title = "A service crashes at start again and again; callers are refused now and then"

    def setup(self):
        self.svc = self.rng.choice(["shipping", "currency", "recommendation"])
        self.avoid = {self.svc}
        for pod in pods_of(self.sim, self.svc):
            t = self.sim.f0 + self.rng.uniform(0, 20)
            while t < self.sim.f1:
                self.sim.log(t, self.svc, pod, "FATAL", "thread 'main' panicked at src/config.rs:41:17: called `Result::unwrap()` on an `Err` value: ParseIntError { kind: InvalidDigit }")
                self.sim.event(t + 1, "BackOff", f"Back-off restarting failed container {self.svc} in pod {pod.name}", "Warning", **{"k8s.pod.name": pod.name})
                t += self.rng.uniform(50, 110)

    def on_client(self, c, kind, caller, target, pod, t):
        if kind == "rpc" and OPS[target][0] == self.svc and self.active(t) and self.rng.random() < .75:
            return Effect(fail=failure("ECONNREFUSED", f"connect ECONNREFUSED {self.svc}:8080", 503, 14), absent=True)

    def metric(self, name, labels, t, v):
        if name == "kube_pod_container_status_restarts_total" and labels.get("service_name") == self.svc and t >= self.sim.f0:
            return v + int((min(t, self.sim.f1) - self.sim.f0) / 80) + 1
        return v

    def truth(self):
        return dict(alert="Many requests to the shop fail.", family="memory_restart|service_unreachable|config_change|code_fault",
                    root_cause=dict(service=self.svc, component=self.svc, mechanism="crash loop"), discriminating_attributes=[], affected_services=[self.svc, "checkout", "frontend"])


@register
class Rebalance(Fault):
    name = "rebalance"
    title = "A consumer group rebalances without end and takes few messages"

    def setup(self):
        self.group = self.rng.choice(["accounting", "fraud-detection"])
        self.avoid = {self.group}

    def deliver(self, topic, group, partition, t):
        return "hold" if group == self.group and self.active(t) and self.rng.random() < .85 else None

    def background(self):
        out, t = [], self.sim.f0 + 1
        while t < self.sim.f1:
            pod = self.rng.choice(pods_of(self.sim, self.group))
            out.append((t, self.group, pod, "INFO", f"[Consumer groupId={self.group}] Request joining group due to: group is already rebalancing generation={self.rng.randrange(100, 999)}", {}))
            out.append((t + 2, self.group, pod, "WARN", f"[Consumer groupId={self.group}] consumer poll timeout has expired, max.poll.interval.ms exceeded, leaving group", {}))
            t += self.rng.uniform(12, 30)
        return out

    def truth(self):
        return dict(alert="Orders are processed late.", family="consumer_lag", alert_after_s=900,
                    root_cause=dict(service=self.group, component="orders", mechanism="rebalance loop"), discriminating_attributes=[dict(key="messaging.destination.name", value="orders")],
                    affected_services=[self.group])


@register
class DatabasePassword(Fault):
    name = "db_password"
    title = "The password of a database user was rotated, one service still uses the old one"

    def setup(self):
        self.svc, self.db = self.rng.choice([("inventory", "inventory"), ("product-catalog", "catalog"), ("accounting", "accounting")])
        self.avoid = {self.svc, self.db}
        self.text = {"inventory": "FATAL: password authentication failed for user \"inventory_rw\"", "catalog": "pq: password authentication failed for user \"catalog_ro\"", "accounting": "28P01: password authentication failed for user \"ledger\""}[self.db]

    def on_client(self, c, kind, caller, target, pod, t):
        if kind == "db" and caller == self.svc and target.startswith(self.db + ":") and self.active(t):
            return Effect(mul=.5, fail=failure("28P01", self.text, 500, 13))

    def truth(self):
        return dict(alert="The error budget of the shop is burning fast.", family="credentials_expired",
                    root_cause=dict(service=self.svc, component=self.db, mechanism="database password rotated"),
                    discriminating_attributes=[dict(key="db.namespace", value=self.db)], affected_services=[self.svc])


@register
class FlagSlow(Fault):
    name = "flag_slow"
    title = "A feature flag makes one platform's requests slow; nothing fails"

    def setup(self):
        self.svc, self.op, self.platform = self.rng.choice([("checkout", "co.place", "ios"), ("frontend", "home", "android"), ("frontend", "product", "ios")])
        self.avoid = {self.svc}
        for pod in pods_of(self.sim, self.svc):
            self.sim.log(self.sim.f0 - 8 + self.rng.random() * 3, self.svc, pod, "INFO", "feature toggle changed key=image-resize-v2 state=ENABLED")

    def on_server(self, c, op, pod, t):
        if op == self.op and self.active(t) and c["attrs"]["app.client.platform"] == self.platform:
            return Effect(add_ms=self.rng.uniform(700, 2200))

    def truth(self):
        return dict(alert="p95 latency of the shop is above its objective.", family="feature_flag|attribute_localised",
                    root_cause=dict(service=self.svc, component="flag image-resize-v2", mechanism="slow code behind a flag"),
                    discriminating_attributes=[dict(key="app.client.platform", value=self.platform)], affected_services=[self.svc])


@register
class OutsideName(Fault):
    name = "dns_outside"
    title = "The name of one outside provider no longer resolves"

    def setup(self):
        self.svc, self.host = self.rng.choice([("payment", "api.psp.example"), ("shipping", "api.carrier.example")])
        self.avoid = {self.svc, "checkout"}
        self.text = self.rng.choice(["java.net.UnknownHostException: {h}", "dns error: failed to lookup address information: Name or service not known ({h})", "getaddrinfo ENOTFOUND {h}"])

    def on_client(self, c, kind, caller, target, pod, t):
        if kind == "ext" and target == self.host and self.active(t) and self.rng.random() < .9:
            return Effect(mul=.05, add_ms=self.rng.uniform(5, 60), fail=failure("UnknownHost", self.text.format(h=self.host), 502, 14))

    def truth(self):
        return dict(alert="Orders fail.", family="name_resolution",
                    root_cause=dict(service=self.svc, component=self.host, mechanism="DNS name gone"), discriminating_attributes=[dict(key="server.address", value=self.host)],
                    affected_services=[self.svc, "checkout"])


@register
class LargeOrders(Fault):
    name = "large_orders"
    title = "Orders above an amount fail: a numeric attribute tells"

    def setup(self):
        self.limit = self.rng.choice([550, 620, 700])
        self.avoid = {"checkout"}

    def on_server(self, c, op, pod, t):
        if op == "co.place" and self.active(t) and c["amt"] > self.limit:
            return Effect(fail=failure("ArithmeticException", "amount overflows NUMERIC(5,2)", 500, 13), skip_children=True)

    def truth(self):
        return dict(alert="Some orders fail.", family="attribute_localised|code_fault",
                    root_cause=dict(service="checkout", component="app.order.amount", mechanism="amounts above a limit overflow"),
                    discriminating_attributes=[dict(key="app.order.amount", value="*")], affected_services=["checkout", "frontend", "frontend-proxy"])


@register
class SharedHost(Fault):
    name = "shared_db_host"
    title = "The disk under all databases is slow: several services wait for one host"

    def setup(self):
        self.avoid = {"catalog", "inventory", "accounting", "product-catalog"}

    def on_client(self, c, kind, caller, target, pod, t):
        if kind == "db":
            return Effect(mul=self.rng.uniform(20, 90) if self.active(t) else 1, attrs={"server.address": "pg-main.shop.internal"})

    def truth(self):
        return dict(alert="Everything that reads the database is slow.", family="slow_dependency|noisy_neighbour|resource_saturation",
                    root_cause=dict(service="pg-main", component="pg-main.shop.internal", mechanism="disk of the database host is slow"),
                    acceptable_services=["product-catalog", "inventory", "accounting"],
                    discriminating_attributes=[dict(key="server.address", value="pg-main.shop.internal")], affected_services=["product-catalog", "inventory", "accounting"])


@register
class Deadlock(Fault):
    name = "deadlock"
    title = "Transactions of one service deadlock in its database"

    def setup(self):
        self.avoid = {"inventory"}

    def on_client(self, c, kind, caller, target, pod, t):
        if kind == "db" and target == "inventory:UPDATE stock" and self.active(t) and self.rng.random() < .4:
            return Effect(mul=20, fail=failure("40P01", "ERROR: deadlock detected\n  Detail: Process 4711 waits for ShareLock on transaction 991; blocked by process 4712.", 500, 13))

    def truth(self):
        return dict(alert="Checkout error rate is above 2 %.", family="slow_dependency|dependency_failure|resource_saturation",
                    root_cause=dict(service="inventory", component="inventory", mechanism="deadlocks"), discriminating_attributes=[dict(key="db.namespace", value="inventory")],
                    affected_services=["inventory", "checkout"])


@register
class QuotaOutside(Fault):
    name = "outside_quota"
    title = "An outside provider limits calls with 429"

    def setup(self):
        self.svc, self.host = self.rng.choice([("payment", "api.psp.example"), ("shipping", "api.carrier.example")])
        self.avoid = {self.svc}

    def on_client(self, c, kind, caller, target, pod, t):
        if kind == "ext" and target == self.host and self.active(t) and self.rng.random() < .5:
            return Effect(mul=.2, fail=failure("429", "429 Too Many Requests: quota exceeded, retry after 30 s", 429, 8))

    def truth(self):
        return dict(alert="Orders fail now and then.", family="dependency_failure",
                    root_cause=dict(service=self.svc, component=self.host, mechanism="rate limited"), discriminating_attributes=[dict(key="server.address", value=self.host)], affected_services=[self.svc])


@register
class RegionCut(Fault):
    name = "zone_network"
    title = "Calls from one region lose packets: many services are slow there and some calls time out"

    def setup(self):
        self.region = self.rng.choice(REGIONS)
        self.avoid = set()

    def on_client(self, c, kind, caller, target, pod, t):
        if self.active(t) and pod.region == self.region and kind in ("rpc", "db", "redis", "ext"):
            if self.rng.random() < .02:
                return Effect(fail=failure("ETIMEDOUT", "connection timed out: no ack", 504, 4), add_ms=1000)
            return Effect(add_ms=self.rng.choice([0, 0, 40, 200]))

    def truth(self):
        return dict(alert="Users in one place see errors and slow pages.", family="noisy_neighbour|service_unreachable|slow_dependency",
                    root_cause=dict(service=self.region, component=self.region, mechanism="packet loss in a region"), acceptable_services=[*SERVICES, self.region],
                    discriminating_attributes=[dict(key="cloud.region", value=self.region)], affected_services=SERVICES)


@register
class TokenGrowth(Fault):
    name = "agent_context"
    title = "The agent's history is no longer trimmed: each model call carries more tokens and takes longer"

    def setup(self):
        self.avoid = {"shopping-assistant"}
        pod = pods_of(self.sim, "shopping-assistant")[0]
        self.sim.log(self.sim.f0 - 9, "shopping-assistant", pod, "INFO", "system prompt updated name=assistant version=9 history_limit=none")

    def on_client(self, c, kind, caller, target, pod, t):
        if kind == "llm" and self.active(t):
            n = self.rng.randrange(14000, 30000)
            return Effect(mul=3.2, attrs={"gen_ai.usage.input_tokens": n})

    def truth(self):
        return dict(alert="The assistant is slow and its cost has multiplied.", family="agent_loop",
                    root_cause=dict(service="shopping-assistant", component="prompt version 9", mechanism="prompt grew"), discriminating_attributes=[], affected_services=["shopping-assistant"])


@register
class ToolSlow(Fault):
    name = "agent_tool_slow"
    title = "A tool of the agent hangs until its time limit"

    def setup(self):
        self.avoid = {"shopping-assistant"}
        self.tool = self.rng.choice(["search_products", "get_product", "shipping_quote"])

    def on_client(self, c, kind, caller, target, pod, t):
        if kind == "tool" and target == self.tool and self.active(t):
            return Effect(add_ms=8000, absent=True, fail=failure("TimeoutError", "tool execution timed out after 8 s", 504, 4) if self.rng.random() < .8 else None)

    def truth(self):
        return dict(alert="The shopping assistant answers slowly or not at all.", family="agent_tool_failure",
                    root_cause=dict(service="shopping-assistant", component=f"tool {self.tool}", mechanism="tool hangs"), discriminating_attributes=[dict(key="gen_ai.tool.name", value=self.tool)],
                    affected_services=["shopping-assistant"])


@register
class ColdReplica(Fault):
    name = "bad_pod"
    title = "One pod of a service answers half of its calls with errors"

    def setup(self):
        self.svc, self.op = self.rng.choice([("cart", "cart.get"), ("product-catalog", "catalog.get"), ("shipping", "ship.quote"), ("recommendation", "recs.list")])
        self.pod = self.rng.choice(pods_of(self.sim, self.svc))
        self.avoid = {self.svc}

    def on_server(self, c, op, pod, t):
        if pod is self.pod and self.active(t) and self.rng.random() < .5:
            return Effect(fail=failure("IllegalStateException", "local index is not loaded", 500, 13, "\tat shop.index.LocalIndex.get(LocalIndex.java:88)\n\tat shop.grpc.Handler.handle(Handler.java:41)"), skip_children=True)

    def truth(self):
        return dict(alert="A quarter of some requests fail.", family="code_fault|resource_saturation|attribute_localised|service_unreachable",
                    root_cause=dict(service=self.svc, component=self.pod.name, mechanism="one broken pod"), discriminating_attributes=[dict(key="k8s.pod.name", value=self.pod.name)],
                    affected_services=[self.svc])
