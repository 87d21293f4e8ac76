using System.Globalization;
using System.Text;
using Orchestrator.Api.CoordinationV1;
using Orchestrator.Api.CoreV1;
using static Orchestrator.Api.Printing.PrinterTable;

namespace Orchestrator.Api.Printing;

/// <summary>Tables of v1's kinds and of leases.</summary>
internal static class CorePrinters
{
    private const string RolePrefix = "node-role.kubernetes.io/";

    public static IEnumerable<KeyValuePair<GroupVersionKind, TablePrinter>> All()
    {
        yield return Of<Pod>(
            ColumnSet.Named()
                .Text("Ready", "Containers that are ready, of all.")
                .Text("Status", "How the pod is, in one word.")
                .Text("Restarts", "How often its containers were started again, and when last.")
                .Age()
                .Wide("IP", "The pod's first address.")
                .Wide("Node", "The node it runs on.")
                .Wide("Nominated Node", "The node where room is being made for it.")
                .Wide("Readiness Gates", "Readiness gates that are open, of all."),
            PodCells);
        yield return Of<PodTemplate>(
            ColumnSet.Named()
                .Text("Containers", "Names of the template's containers.")
                .Text("Images", "Images of the template's containers.")
                .Text("Pod Labels", "Labels of the pods made from it."),
            (template, _) =>
            [
                template.Name, ContainerNames(template.Template), ContainerImages(template.Template),
                LabelText.OfLabels(template.Template.Metadata.Labels),
            ]);
        yield return Of<Node>(
            ColumnSet.Named()
                .Text("Status", "Whether the node is ready, and takes new pods.")
                .Text("Roles", "What the node is there for.")
                .Age()
                .Text("Version", "The kubelet's version.")
                .Wide("Internal-IP", "Its address inside the cluster.")
                .Wide("External-IP", "Its address outside of it.")
                .Wide("OS-Image", "Its operating system.")
                .Wide("Kernel-Version", "Its kernel.")
                .Wide("Container-Runtime", "What runs its containers."),
            NodeCells);
        yield return Of<Event>(
            ColumnSetOfEvents(),
            (seen, now) => EventCells(seen, now));
        yield return Of<EventsV1.Event>(
            ColumnSetOfEvents(),
            (seen, now) => EventCells(AsCore(seen), now));
        yield return Of<Namespace>(
            ColumnSet.Named().Text("Status", "Active, or going away.").Age(),
            (ns, now) => [ns.Name, ns.Status.Phase ?? "", Age(ns, now)]);
        yield return Of<Secret>(
            ColumnSet.Named().Text("Type", "What the secret is used for.").Text("Data", "How many values it has.").Age(),
            (secret, now) => [secret.Name, secret.Type ?? "", (long)secret.Data.OrEmpty().Count, Age(secret, now)]);
        yield return Of<ConfigMap>(
            ColumnSet.Named().Text("Data", "How many values it has.").Age(),
            (map, now) => [map.Name, (long)map.Data.OrEmpty().Count + map.BinaryData.OrEmpty().Count, Age(map, now)]);
        yield return Of<ServiceAccount>(
            ColumnSet.Named().Text("Secrets", "How many secrets its pods may use.").Age(),
            (account, now) => [account.Name, (long)account.Secrets.OrEmpty().Count, Age(account, now)]);
        yield return Of<ComponentStatus>(
            ColumnSet.Named()
                .Text("Status", "Whether the component is healthy.")
                .Text("Message", "What it says of itself.")
                .Text("Error", "What is wrong with it."),
            ComponentCells);
        yield return Of<ResourceQuota>(
            ColumnSet.Named()
                .Text("Request", "What is requested in the namespace, of what may be.")
                .Text("Limit", "What its limits sum up to, of what they may.")
                .Age(),
            QuotaCells);
        yield return Of<Lease>(
            ColumnSet.Named().Text("Holder", "Who holds the lease.").Age(),
            (lease, now) => [lease.Name, lease.Spec.HolderIdentity ?? "", Age(lease, now)]);
    }

    private static object?[] PodCells(Pod pod, DateTimeOffset now)
    {
        var summary = PodSummary.Of(pod);
        string address = pod.Status.PodIPs is { Count: > 0 } ips ? ips[0].Ip ?? "" : pod.Status.PodIP ?? "";
        return
        [
            pod.Name,
            string.Create(CultureInfo.InvariantCulture, $"{summary.ReadyContainers}/{summary.TotalContainers}"),
            summary.Status, summary.Restarts(now), Age(pod, now),
            OrNone(address), OrNone(pod.Spec.NodeName), OrNone(pod.Status.NominatedNodeName), ReadinessGates(pod),
        ];
    }

    private static string ReadinessGates(Pod pod)
    {
        var gates = pod.Spec.ReadinessGates.OrEmpty();
        if (gates.Count == 0)
            return "<none>";
        int open = gates.Count(gate =>
            pod.Status.Conditions.OrEmpty().Find(condition => condition.Type == gate.ConditionType)?.Status == "True");
        return string.Create(CultureInfo.InvariantCulture, $"{open}/{gates.Count}");
    }

    private static object?[] NodeCells(Node node, DateTimeOffset now)
    {
        string status = node.Status.Conditions.OrEmpty().FindLast(condition => condition.Type == "Ready") switch
        {
            null => "Unknown",
            { Status: "True" } => "Ready",
            _ => "NotReady",
        };
        if (node.Spec.Unschedulable == true)
            status += ",SchedulingDisabled";
        var about = node.Status.NodeInfo;
        return
        [
            node.Name, status, OrNone(string.Join(',', RolesOf(node))), Age(node, now), about?.KubeletVersion ?? "",
            AddressOf(node, "InternalIP"), AddressOf(node, "ExternalIP"),
            OrUnknown(about?.OsImage), OrUnknown(about?.KernelVersion), OrUnknown(about?.ContainerRuntimeVersion),
        ];
    }

    private static IEnumerable<string> RolesOf(Node node)
    {
        var roles = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var (key, value) in node.Labels)
        {
            if (key.StartsWith(RolePrefix, StringComparison.Ordinal) && key.Length > RolePrefix.Length)
                roles.Add(key[RolePrefix.Length..]);
            else if (key == "kubernetes.io/role" && value.Length > 0)
                roles.Add(value);
        }
        return roles;
    }

    private static string AddressOf(Node node, string type) =>
        node.Status.Addresses.OrEmpty().Find(address => address.Type == type)?.Address ?? "<none>";

    private static string OrUnknown(string? value) => string.IsNullOrEmpty(value) ? "<unknown>" : value;

    private static ColumnSet ColumnSetOfEvents() => new ColumnSet()
        .Text("Last Seen", "When it last happened.")
        .Text("Type", "Normal or Warning.")
        .Text("Reason", "Why it was noted, in one word.")
        .Text("Object", "What it is about.")
        .Wide("Subobject", "The part of the object that it is about.")
        .Wide("Source", "Who noted it.")
        .Text("Message", "What happened.")
        .Wide("First Seen", "When it first happened.")
        .Wide("Count", "How often it happened.")
        .Add("Name", "Name of the object, unique in its namespace.", format: "name", priority: 1);

    private static object?[] EventCells(Event seen, DateTimeOffset now)
    {
        string first = HumanDuration.Since(seen.FirstTimestamp ?? seen.EventTime, now);
        string last = seen.LastTimestamp is { } time ? HumanDuration.Since(time, now) : first;
        long count = seen.Count is null or 0 ? 1 : seen.Count.Value;
        if (seen.Series is { } series)
        {
            last = HumanDuration.Since(series.LastObservedTime, now);
            count = series.Count ?? 0;
        }
        var about = seen.InvolvedObject;
        string kind = (about?.Kind ?? "").ToLowerInvariant();
        return
        [
            last, seen.Type ?? "", seen.Reason ?? "", string.IsNullOrEmpty(about?.Name) ? kind : $"{kind}/{about.Name}",
            about?.FieldPath ?? "", SourceOf(seen), (seen.Message ?? "").Trim(), first, count, seen.Name,
        ];
    }

    private static string SourceOf(Event seen)
    {
        string component = FirstFilled(seen.Source?.Component, seen.ReportingComponent);
        string instance = FirstFilled(seen.Source?.Host, seen.ReportingInstance);
        return instance.Length == 0 ? component : $"{component}, {instance}";
    }

    private static string FirstFilled(string? first, string? second) => string.IsNullOrEmpty(first) ? second ?? "" : first;

    // Both groups' events are the same objects under two names.
    private static Event AsCore(EventsV1.Event seen) => new()
    {
        Metadata = seen.Metadata,
        Type = seen.Type,
        Reason = seen.Reason,
        Message = seen.Note,
        InvolvedObject = seen.Regarding,
        Source = seen.DeprecatedSource,
        FirstTimestamp = seen.DeprecatedFirstTimestamp,
        LastTimestamp = seen.DeprecatedLastTimestamp,
        Count = seen.DeprecatedCount,
        EventTime = seen.EventTime,
        ReportingComponent = seen.ReportingController,
        ReportingInstance = seen.ReportingInstance,
        Series = seen.Series is { } series
            ? new EventSeries { Count = series.Count, LastObservedTime = series.LastObservedTime }
            : null,
    };

    private static object?[] ComponentCells(ComponentStatus component, DateTimeOffset now)
    {
        var health = component.Conditions.OrEmpty().Find(condition => condition.Type == "Healthy");
        string status = health switch { null => "Unknown", { Status: "True" } => "Healthy", _ => "Unhealthy" };
        return [component.Name, status, health?.Message ?? "", health?.Error ?? ""];
    }

    private static object?[] QuotaCells(ResourceQuota quota, DateTimeOffset now)
    {
        var requests = new StringBuilder();
        var limits = new StringBuilder();
        var used = quota.Status.Used.OrEmpty();
        foreach (var (name, hard) in quota.Status.Hard.OrEmpty().OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            var column = name.StartsWith("limits.", StringComparison.Ordinal) ? limits : requests;
            column.Append(column.Length == 0 ? "" : ", ")
                .Append(CultureInfo.InvariantCulture, $"{name}: {used.GetValueOrDefault(name)}/{hard}");
        }
        return [quota.Name, requests.ToString(), limits.ToString(), Age(quota, now)];
    }
}
