using System.Buffers;
using System.Text.Json;

namespace Orchestrator.Control.Workloads;

/// <summary>The templates that a DaemonSet or StatefulSet had, each kept in a ControllerRevision; the newest has the highest
/// number.</summary>
public sealed class RevisionHistory
{
    public const string RevisionLabel = "controller-revision-hash";

    private readonly IKubernetesObject _owner;
    private readonly PodTemplateSpec _template;
    private readonly List<Intent> _intents = [];

    /// <param name="existing">The owner's revisions.</param>
    /// <param name="isNameTaken">Whether another object has this name already.</param>
    /// <param name="hashLabel">The label that bears the hash on the revision itself.</param>
    public RevisionHistory(
        IKubernetesObject owner, PodTemplateSpec template, IReadOnlyList<ControllerRevision> existing,
        int? collisionCount, Func<string, bool> isNameTaken, string hashLabel)
    {
        _owner = owner;
        _template = template;
        CollisionCount = collisionCount;
        ByAge = existing.OrderBy(revision => revision.Revision)
            .ThenBy(revision => revision.Metadata.CreationTimestamp).ThenBy(revision => revision.Name, StringComparer.Ordinal)
            .ToList();
        Update = Find(isNameTaken, hashLabel);
    }

    /// <summary>Oldest first; without one that this decision makes.</summary>
    public IReadOnlyList<ControllerRevision> ByAge { get; }

    /// <summary>The revision of the template as it is now.</summary>
    public ControllerRevision Update { get; }

    public int? CollisionCount { get; private set; }

    /// <summary>The writes that make <see cref="Update"/> what it is to be.</summary>
    public IReadOnlyList<Intent> Intents => _intents;

    public string Hash => Update.Labels.GetValueOrDefault(RevisionLabel)
        ?? Update.Labels.GetValueOrDefault("controller.kubernetes.io/hash") ?? "";

    /// <summary>Removes the oldest revisions beyond <paramref name="limit"/> that are not in use.</summary>
    public IEnumerable<Intent> CleanUp(IReadOnlySet<string> namesInUse, int limit)
    {
        var unused = ByAge.Where(revision => revision.Name != Update.Name && !namesInUse.Contains(revision.Name)
            && !revision.IsBeingDeleted).ToList();
        return unused.Take(Math.Max(0, unused.Count - limit)).Select(revision => new Delete(ObjectRef.To(revision)));
    }

    /// <summary>The template that a revision holds.</summary>
    public static PodTemplateSpec TemplateOf(ControllerRevision revision)
    {
        if (revision.Data is not { ValueKind: JsonValueKind.Object } data
            || !data.TryGetProperty("spec", out var spec) || !spec.TryGetProperty("template", out var template))
        {
            return new PodTemplateSpec();
        }
        var reader = new Utf8JsonReader(System.Text.Encoding.UTF8.GetBytes(WithoutDirective(template)));
        reader.Read();
        return PodTemplateSpec.ReadFrom(ref reader);
    }

    private ControllerRevision Find(Func<string, bool> isNameTaken, string hashLabel)
    {
        var data = DataOf(_template);
        var equal = ByAge.LastOrDefault(revision =>
            revision.Data is { } other && JsonElement.DeepEquals(other, data));
        long next = ByAge.Count == 0 ? 1 : (ByAge[^1].Revision ?? 0) + 1;
        if (equal is null)
            return Create(data, next, isNameTaken, hashLabel);
        if (equal == ByAge[^1] || (equal.Revision ?? 0) == next - 1)
            return equal;
        // An old template is back: its revision becomes the newest.
        var renumbered = equal.DeepClone();
        renumbered.Revision = next;
        _intents.Add(new Update(renumbered));
        return renumbered;
    }

    private ControllerRevision Create(JsonElement data, long number, Func<string, bool> isNameTaken, string hashLabel)
    {
        while (true)
        {
            string hash = TemplateHash.Of(System.Text.Encoding.UTF8.GetBytes(data.GetRawText()), CollisionCount);
            string name = $"{_owner.Name}-{hash}";
            if (isNameTaken(name))
            {
                CollisionCount = (CollisionCount ?? 0) + 1;
                continue;
            }
            var revision = new ControllerRevision
            {
                Metadata = new ObjectMeta
                {
                    Name = name,
                    Namespace = _owner.Namespace,
                    Labels = new(_template.Metadata.Labels.OrEmpty()) { [hashLabel] = hash },
                    Annotations = _owner.Annotations.Count == 0 ? null : new(_owner.Annotations),
                    OwnerReferences = [References.Controller(_owner)],
                },
                Data = data,
                Revision = number,
            };
            _intents.Add(new Create(revision));
            return revision;
        }
    }

    /// <summary>A strategic merge patch that sets the template, the form in which kubectl's rollout undo expects it.</summary>
    private static JsonElement DataOf(PodTemplateSpec template)
    {
        var plain = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(plain))
            template.WriteTo(writer);
        var buffer = new ArrayBufferWriter<byte>();
        using (var parsed = JsonDocument.Parse(plain.WrittenMemory))
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteStartObject("spec");
            writer.WriteStartObject("template");
            writer.WriteString("$patch", "replace");
            foreach (var property in parsed.RootElement.EnumerateObject())
                property.WriteTo(writer);
            writer.WriteEndObject();
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        using var document = JsonDocument.Parse(buffer.WrittenMemory);
        return document.RootElement.Clone();
    }

    private static string WithoutDirective(JsonElement template)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            foreach (var property in template.EnumerateObject().Where(property => property.Name != "$patch"))
                property.WriteTo(writer);
            writer.WriteEndObject();
        }
        return System.Text.Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
