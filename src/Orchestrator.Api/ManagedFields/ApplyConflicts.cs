using Orchestrator.Api.MetaV1;

namespace Orchestrator.Api.ManagedFields;

/// <summary>Fields that an apply would change though others own them.</summary>
internal sealed class ApplyConflicts
{
    private readonly List<(ManagerEntry Owner, FieldSet Fields)> _conflicts = [];

    public bool IsEmpty => _conflicts.Count == 0;

    public FieldSet Fields => _conflicts.Aggregate(FieldSet.Empty, (all, conflict) => all.Union(conflict.Fields));

    public void Add(ManagerEntry owner, FieldSet fields)
    {
        if (!fields.IsEmpty)
            _conflicts.Add((owner, fields));
    }

    public ApplyConflicts Without(FieldSet allowed)
    {
        var rest = new ApplyConflicts();
        foreach (var (owner, fields) in _conflicts)
            rest.Add(owner, fields.Except(allowed));
        return rest;
    }

    /// <summary>409 with Kubernetes' text and a cause for each field.</summary>
    public ApiException ToException()
    {
        var all = _conflicts.OrderBy(conflict => conflict.Owner.ToString(), StringComparer.Ordinal)
            .SelectMany(conflict => conflict.Fields.Paths.Select(path => (conflict.Owner, Path: FieldSet.Display(path))))
            .ToList();
        var causes = all.Select(conflict => new StatusCause
        {
            Reason = "FieldManagerConflict",
            Message = $"conflict with {conflict.Owner}",
            Field = conflict.Path,
        });
        return ApiErrors.ApplyConflict(causes, Message(all));
    }

    private static string Message(List<(ManagerEntry Owner, string Path)> all)
    {
        if (all is [var only])
            return $"Apply failed with 1 conflict: conflict with {only.Owner}: {only.Path}";
        var lines = all.GroupBy(conflict => conflict.Owner)
            .SelectMany(owner => owner.Select(conflict => "- " + conflict.Path).Prepend($"conflicts with {owner.Key}:"));
        return $"Apply failed with {all.Count} conflicts: {string.Join('\n', lines)}";
    }
}
