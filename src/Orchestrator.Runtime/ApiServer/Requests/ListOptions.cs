using Microsoft.AspNetCore.Http;
using Orchestrator.Api;
using Orchestrator.Api.Fields;
using Orchestrator.Api.Selectors;
using Orchestrator.Runtime.ApiServer.Caching;
using Orchestrator.Runtime.ApiServer.Resources;

namespace Orchestrator.Runtime.ApiServer.Requests;

/// <summary>What a list, watch or deletecollection asks for, checked.</summary>
internal sealed record ListOptions
{
    public required Selector? Labels { get; init; }

    public required FieldSelector? Fields { get; init; }

    public bool IsWatch { get; init; }

    public bool AllowsBookmarks { get; init; }

    /// <summary>As sent; empty if not.</summary>
    public string ResourceVersion { get; init; } = "";

    public string ResourceVersionMatch { get; init; } = "";

    public long? TimeoutSeconds { get; init; }

    /// <summary>0 for all.</summary>
    public long Limit { get; init; }

    public string Continue { get; init; } = "";

    public bool? SendInitialEvents { get; init; }

    /// <summary>0 if none was sent.</summary>
    public long Revision => ResourceVersion.Length == 0 ? 0 : QueryOptions.Revision(ResourceVersion);

    public WatchFilter Filter(string ns, string name) => new(ns, name, Labels, Fields);

    /// <exception cref="ApiException">400 for what can not be read, 422 for what does not go together.</exception>
    public static ListOptions Read(HttpRequest request, ResourceView view, bool isWatch)
    {
        var query = request.Query;
        var fields = FieldSelector.Parse(QueryOptions.Text(query, "fieldSelector"));
        CheckFields(fields, view);
        fields = view.ToStored(fields);
        var labels = Selector.Parse(QueryOptions.Text(query, "labelSelector"));
        var options = new ListOptions
        {
            Labels = labels.IsEverything ? null : labels,
            Fields = fields.IsEverything ? null : fields,
            IsWatch = isWatch,
            AllowsBookmarks = QueryOptions.Flag(query, "allowWatchBookmarks"),
            ResourceVersion = QueryOptions.Text(query, "resourceVersion"),
            ResourceVersionMatch = QueryOptions.Text(query, "resourceVersionMatch"),
            TimeoutSeconds = QueryOptions.Number(query, "timeoutSeconds"),
            Limit = Math.Max(0, QueryOptions.Number(query, "limit") ?? 0),
            Continue = QueryOptions.Text(query, "continue"),
            SendInitialEvents = query.ContainsKey("sendInitialEvents") ? QueryOptions.Flag(query, "sendInitialEvents") : null,
        };
        var errors = ListOptionsRules.Validate(options);
        if (errors.Count > 0)
            throw ApiErrors.Invalid(new GroupKind("meta.k8s.io", "ListOptions"), "", errors);
        _ = options.Revision; // Refused here, before anything is done.
        return options;
    }

    private static void CheckFields(FieldSelector fields, ResourceView view)
    {
        var labels = FieldLabels.For(view.Description);
        foreach (var requirement in fields.Requirements)
        {
            if (!labels.IsKnown(requirement.Field))
                throw ApiErrors.BadRequest(labels.Refusal(requirement.Field));
        }
    }
}
