using System.Globalization;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Control.Pods;
using Orchestrator.Runtime.ApiServer;

namespace Orchestrator.Runtime.Security.Admission;

/// <summary>Gives containers the default requests and limits of their namespace, and holds pods and claims to its bounds.</summary>
internal sealed class LimitRanger : IAdmissionPlugin
{
    private const string Annotation = "kubernetes.io/limit-ranger";

    private static readonly Dictionary<string, Quantity> None = [];

    public string Name => "LimitRanger";

    public async ValueTask AdmitAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (!Applies(request) || request.Object is not Pod pod)
            return;
        foreach (var range in await RangesAsync(request, cancellationToken))
            SetDefaults(pod, range);
    }

    public async ValueTask ValidateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (!Applies(request))
            return;
        foreach (var range in await RangesAsync(request, cancellationToken))
        {
            var errors = request.Object switch
            {
                Pod pod => Check(pod, range),
                PersistentVolumeClaim claim => Check(claim, range),
                _ => [],
            };
            if (errors.Count > 0)
                throw AdmissionRefusals.Forbidden(request, AdmissionRefusals.Join(errors));
        }
    }

    private static bool Applies(AdmissionRequest request)
    {
        if (request.OldObject?.IsBeingDeleted == true)
            return false;
        // A pod's resources do not change by an update.
        return request.IsFor("", "pods") ? request.IsCreate() : request.IsFor("", "persistentvolumeclaims") && !request.IsDelete();
    }

    private static async ValueTask<IEnumerable<LimitRange>> RangesAsync(AdmissionRequest request, CancellationToken cancellationToken) =>
        (await request.Objects.ListAsync<LimitRange>(request.Namespace, cancellationToken)).OrderBy(range => range.Name, StringComparer.Ordinal);

    internal static void SetDefaults(Pod pod, LimitRange range)
    {
        var limits = new Dictionary<string, Quantity>();
        var requests = new Dictionary<string, Quantity>();
        foreach (var item in range.Spec.Limits.OrEmpty().Where(item => item.Type == "Container"))
        {
            foreach (var (name, quantity) in item.Default.OrEmpty())
                limits[name] = quantity;
            foreach (var (name, quantity) in item.DefaultRequest.OrEmpty())
                requests[name] = quantity;
        }
        var notes = new List<string>();
        foreach (var container in pod.Spec.Containers.OrEmpty())
            SetDefaults(container, "container", requests, limits, notes);
        foreach (var container in pod.Spec.InitContainers.OrEmpty())
            SetDefaults(container, "init container", requests, limits, notes);
        if (notes.Count > 0)
            (pod.Metadata.Annotations ??= [])[Annotation] = $"LimitRanger plugin set: {string.Join("; ", notes)}";
    }

    private static void SetDefaults(Container container, string kind, Dictionary<string, Quantity> requests,
        Dictionary<string, Quantity> limits, List<string> notes)
    {
        container.Resources ??= new ResourceRequirements();
        Note("request", Fill(container.Resources.Requests ??= [], requests));
        Note("limit", Fill(container.Resources.Limits ??= [], limits));

        void Note(string what, List<string> names)
        {
            if (names.Count > 0)
                notes.Add($"{string.Join(", ", names)} {what} for {kind} {container.Name}");
        }
    }

    private static List<string> Fill(Dictionary<string, Quantity> quantities, Dictionary<string, Quantity> defaults)
    {
        var filled = new List<string>();
        foreach (var (name, quantity) in defaults.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            if (quantities.TryAdd(name, quantity))
                filled.Add(name);
        }
        return filled;
    }

    internal static List<string> Check(Pod pod, LimitRange range)
    {
        var errors = new List<string>();
        foreach (var item in range.Spec.Limits.OrEmpty())
        {
            if (item.Type == "Pod")
                Check(item, PodResources.Requests(pod.Spec, withOverhead: false), PodResources.Limits(pod.Spec, withOverhead: false), errors);
            if (item.Type != "Container")
                continue;
            foreach (var container in pod.Spec.Containers.OrEmpty().Concat(pod.Spec.InitContainers.OrEmpty()))
                Check(item, container.Resources?.Requests ?? None, container.Resources?.Limits ?? None, errors);
        }
        return errors;
    }

    internal static List<string> Check(PersistentVolumeClaim claim, LimitRange range)
    {
        var errors = new List<string>();
        var requests = claim.Spec.Resources?.Requests ?? None;
        foreach (var item in range.Spec.Limits.OrEmpty().Where(item => item.Type == "PersistentVolumeClaim"))
        {
            foreach (var (name, bound) in Sorted(item.Min))
                AddIfAny(errors, BelowMinimum(item.Type!, name, bound, requests, None));
            foreach (var (name, bound) in Sorted(item.Max))
                AddIfAny(errors, RequestAboveMaximum(item.Type!, name, bound, requests));
        }
        return errors;
    }

    private static void Check(LimitRangeItem item, Dictionary<string, Quantity> requests, Dictionary<string, Quantity> limits, List<string> errors)
    {
        foreach (var (name, bound) in Sorted(item.Min))
            AddIfAny(errors, BelowMinimum(item.Type!, name, bound, requests, limits));
        foreach (var (name, bound) in Sorted(item.Max))
            AddIfAny(errors, AboveMaximum(item.Type!, name, bound, requests, limits));
        foreach (var (name, bound) in Sorted(item.MaxLimitRequestRatio))
            AddIfAny(errors, AboveRatio(item.Type!, name, bound, requests, limits));
    }

    private static IEnumerable<KeyValuePair<string, Quantity>> Sorted(Dictionary<string, Quantity>? quantities) =>
        quantities.OrEmpty().OrderBy(pair => pair.Key, StringComparer.Ordinal);

    private static void AddIfAny(List<string> errors, string? error)
    {
        if (error is not null)
            errors.Add(error);
    }

    private static string? BelowMinimum(string type, string name, Quantity bound, Dictionary<string, Quantity> requests, Dictionary<string, Quantity> limits)
    {
        string rule = $"minimum {name} usage per {type} is {bound}";
        if (!requests.TryGetValue(name, out var request))
            return $"{rule}.  No request is specified";
        if (request.CompareTo(bound) < 0)
            return $"{rule}, but request is {request}";
        return limits.TryGetValue(name, out var limit) && limit.CompareTo(bound) < 0 ? $"{rule}, but limit is {limit}" : null;
    }

    private static string? AboveMaximum(string type, string name, Quantity bound, Dictionary<string, Quantity> requests, Dictionary<string, Quantity> limits)
    {
        string rule = $"maximum {name} usage per {type} is {bound}";
        if (!limits.TryGetValue(name, out var limit))
            return $"{rule}.  No limit is specified";
        if (limit.CompareTo(bound) > 0)
            return $"{rule}, but limit is {limit}";
        return requests.TryGetValue(name, out var request) && request.CompareTo(bound) > 0 ? $"{rule}, but request is {request}" : null;
    }

    private static string? RequestAboveMaximum(string type, string name, Quantity bound, Dictionary<string, Quantity> requests)
    {
        string rule = $"maximum {name} usage per {type} is {bound}";
        if (!requests.TryGetValue(name, out var request))
            return $"{rule}.  No request is specified";
        return request.CompareTo(bound) > 0 ? $"{rule}, but request is {request}" : null;
    }

    private static string? AboveRatio(string type, string name, Quantity bound, Dictionary<string, Quantity> requests, Dictionary<string, Quantity> limits)
    {
        string rule = $"{name} max limit to request ratio per {type} is {bound}";
        if (!requests.TryGetValue(name, out var request) || request.IsZero)
            return $"{rule}, but no request is specified or request is 0";
        if (!limits.TryGetValue(name, out var limit) || limit.IsZero)
            return $"{rule}, but no limit is specified or limit is 0";
        double ratio = Number(limit) / Number(request);
        return ratio > Number(bound) ? string.Create(CultureInfo.InvariantCulture, $"{rule}, but provided ratio is {ratio:F6}") : null;
    }

    // Beyond 2^53 thousandths the whole number is exact enough for a ratio.
    private static double Number(Quantity quantity) =>
        quantity.Value > (1L << 53) / 1000 ? quantity.Value : quantity.MilliValue / 1000.0;
}
