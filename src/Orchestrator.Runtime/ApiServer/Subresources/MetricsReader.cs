using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.ApiServer.Http;
using Orchestrator.Runtime.ApiServer.Requests;
using Orchestrator.Runtime.ApiServer.Resources;

namespace Orchestrator.Runtime.ApiServer.Subresources;

/// <summary>metrics.k8s.io: what nodes and pods use, asked from the kubelets (<c>/stats/summary</c>) with each request.</summary>
internal sealed class MetricsReader(IObjectReader objects, INodeProxy? proxy, TimeProvider clock)
{
    /// <summary>Kubelets that are asked at the same time.</summary>
    private const int ParallelNodes = 16;

    /// <summary>What the kubelet's figures are an average of.</summary>
    private const string Window = "10s";

    private static readonly TimeSpan NodeLimit = TimeSpan.FromSeconds(5);

    public async Task ServeAsync(ApiRequest request)
    {
        if (request.Verb is not ("get" or "list"))
            throw ApiErrors.MethodNotAllowed();
        bool isNodes = request.View.Description.Plural == "nodes";
        var items = isNodes
            ? await NodesAsync(request).ConfigureAwait(false)
            : await PodsAsync(request).ConfigureAwait(false);
        JsonObject answer;
        if (request.Name.Length > 0)
        {
            answer = items.Find(item => item["metadata"]!["name"]!.GetValue<string>() == request.Name)
                ?? throw ApiErrors.NotFound(request.View.GroupResource, request.Name);
        }
        else
        {
            answer = new JsonObject
            {
                ["kind"] = request.View.Kind.Kind + "List", ["apiVersion"] = request.View.Kind.ApiVersion,
                ["metadata"] = new JsonObject(), ["items"] = new JsonArray([.. items]),
            };
        }

        await Answers.WriteJsonAsync(request.Http, 200, JsonBytes.Of(answer)).ConfigureAwait(false);
    }

    private async Task<List<JsonObject>> NodesAsync(ApiRequest request)
    {
        var options = ListOptions.Read(request.Http.Request, request.View, isWatch: false);
        var nodes = (await objects.ListAsync<Node>(cancellationToken: request.Aborted).ConfigureAwait(false))
            .Where(node => (request.Name.Length == 0 || node.Name == request.Name)
                && (options.Labels?.Matches(node.Labels) ?? true)).ToList();
        var summaries = await SummariesAsync(nodes, request.Aborted).ConfigureAwait(false);
        return [.. summaries.Where(summary => summary.Summary["node"] is JsonObject).Select(summary => Item(
            request.View, summary.Node.Name, "", summary.Node.Labels, TimeOf(summary.Summary["node"]!),
            ("usage", Usage(summary.Summary["node"]!))))];
    }

    private async Task<List<JsonObject>> PodsAsync(ApiRequest request)
    {
        var options = ListOptions.Read(request.Http.Request, request.View, isWatch: false);
        string? ns = request.Namespace.Length > 0 ? request.Namespace : null;
        var pods = (await objects.ListAsync<Pod>(ns, request.Aborted).ConfigureAwait(false))
            .Where(pod => (request.Name.Length == 0 || pod.Name == request.Name)
                && (options.Labels?.Matches(pod.Labels) ?? true) && !string.IsNullOrEmpty(pod.Spec.NodeName)
                && pod.Status.Phase == "Running")
            .ToDictionary(pod => pod.Key);
        var names = pods.Values.Select(pod => pod.Spec.NodeName!).ToHashSet(StringComparer.Ordinal);
        var nodes = (await objects.ListAsync<Node>(cancellationToken: request.Aborted).ConfigureAwait(false))
            .Where(node => names.Contains(node.Name)).ToList();
        var items = new List<JsonObject>();
        foreach (var (_, summary) in await SummariesAsync(nodes, request.Aborted).ConfigureAwait(false))
        {
            foreach (var stats in summary["pods"] as JsonArray ?? [])
            {
                var reference = stats!["podRef"];
                var key = new NamespacedName(
                    reference?["namespace"]?.GetValue<string>() ?? "", reference?["name"]?.GetValue<string>() ?? "");
                if (pods.TryGetValue(key, out var pod))
                    items.Add(Item(
                        request.View, pod.Name, pod.Namespace, pod.Labels, TimeOf(stats), ("containers", Containers(stats))));
            }
        }

        items.Sort(static (left, right) => string.CompareOrdinal(KeyOf(left), KeyOf(right)));
        return items;
    }

    private static string KeyOf(JsonObject item) => $"{item["metadata"]!["namespace"]}/{item["metadata"]!["name"]}";

    private async Task<IReadOnlyList<(Node Node, JsonObject Summary)>> SummariesAsync(
        IReadOnlyList<Node> nodes, CancellationToken cancellationToken)
    {
        if (proxy is null)
            throw ApiErrors.ServiceUnavailable("the server is currently unable to handle the request");
        var summaries = new JsonObject?[nodes.Count];
        await Parallel.ForEachAsync(
            Enumerable.Range(0, nodes.Count),
            new ParallelOptions { MaxDegreeOfParallelism = ParallelNodes, CancellationToken = cancellationToken },
            async (index, stop) => summaries[index] = await SummaryAsync(nodes[index], stop).ConfigureAwait(false)).ConfigureAwait(false);
        return [.. nodes.Zip(summaries).Where(pair => pair.Second is not null).Select(pair => (pair.First, pair.Second!))];
    }

    /// <summary>Null for a node that does not answer: the others' figures are worth having.</summary>
    private async Task<JsonObject?> SummaryAsync(Node node, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(NodeLimit);
        try
        {
            using var response = await proxy!.SendAsync(node, HttpMethod.Get, "/stats/summary", limit.Token).ConfigureAwait(false);
            if (!response.IsSuccessStatusCode)
                return null;
            return JsonBytes.ParseObject(await response.Content.ReadAsByteArrayAsync(limit.Token).ConfigureAwait(false));
        }
        catch (Exception exception) when (exception is HttpRequestException or JsonException or ApiException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return null;
        }
    }

    private static JsonObject Item(
        ResourceView view, string name, string ns, IReadOnlyDictionary<string, string> labels, string timestamp,
        (string Name, JsonNode Value) usage)
    {
        var metadata = new JsonObject { ["name"] = name };
        if (ns.Length > 0)
            metadata["namespace"] = ns;
        metadata["creationTimestamp"] = timestamp;
        if (labels.Count > 0)
            metadata["labels"] = new JsonObject(labels.Select(label => KeyValuePair.Create(label.Key, (JsonNode?)label.Value)));
        return new JsonObject
        {
            ["kind"] = view.Kind.Kind,
            ["apiVersion"] = view.Kind.ApiVersion,
            ["metadata"] = metadata,
            ["timestamp"] = timestamp,
            ["window"] = Window,
            [usage.Name] = usage.Value,
        };
    }

    private string TimeOf(JsonNode stats) =>
        (stats["cpu"]?["time"] ?? stats["memory"]?["time"])?.GetValue<string>()
            ?? clock.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    private static JsonArray Containers(JsonNode stats) => new([.. (stats["containers"] as JsonArray ?? []).Select(container =>
        (JsonNode)new JsonObject { ["name"] = container!["name"]?.DeepClone(), ["usage"] = Usage(container) })]);

    private static JsonObject Usage(JsonNode stats) => new()
    {
        ["cpu"] = string.Create(CultureInfo.InvariantCulture, $"{NumberOf(stats["cpu"]?["usageNanoCores"])}n"),
        ["memory"] = string.Create(CultureInfo.InvariantCulture, $"{NumberOf(stats["memory"]?["workingSetBytes"]) / 1024}Ki"),
    };

    private static long NumberOf(JsonNode? node) => node is null ? 0 : node.GetValue<long>();
}
