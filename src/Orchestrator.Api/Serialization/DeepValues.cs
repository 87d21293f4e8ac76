using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Orchestrator.Api;

/// <summary>Deep copies and comparisons of fields for the generated types. Absent and empty are the same to a comparison.</summary>
internal static class DeepValues
{
    [return: NotNullIfNotNull(nameof(value))]
    public static byte[]? Clone(byte[]? value) => (byte[]?)value?.Clone();

    /// <summary>For items that cannot be changed.</summary>
    [return: NotNullIfNotNull(nameof(list))]
    public static List<T>? Clone<T>(List<T>? list) => list is null ? null : new List<T>(list);

    /// <inheritdoc cref="Clone{T}(List{T})"/>
    [return: NotNullIfNotNull(nameof(map))]
    public static Dictionary<string, T>? Clone<T>(Dictionary<string, T>? map) => map is null ? null : new Dictionary<string, T>(map);

    [return: NotNullIfNotNull(nameof(map))]
    public static Dictionary<string, byte[]>? Clone(Dictionary<string, byte[]>? map) =>
        map?.ToDictionary(entry => entry.Key, entry => Clone(entry.Value));

    [return: NotNullIfNotNull(nameof(map))]
    public static Dictionary<string, List<string>>? Clone(Dictionary<string, List<string>>? map) =>
        map?.ToDictionary(entry => entry.Key, entry => Clone(entry.Value));

    [return: NotNullIfNotNull(nameof(list))]
    public static List<T>? CloneObjects<T>(List<T>? list)
        where T : class, IKubernetesValue<T>
    {
        if (list is null)
            return null;
        var copy = new List<T>(list.Count);
        foreach (var item in list)
            copy.Add(item.DeepClone());
        return copy;
    }

    [return: NotNullIfNotNull(nameof(map))]
    public static Dictionary<string, T>? CloneObjects<T>(Dictionary<string, T>? map)
        where T : class, IKubernetesValue<T>
    {
        if (map is null)
            return null;
        var copy = new Dictionary<string, T>(map.Count);
        foreach (var (key, value) in map)
            copy.Add(key, value.DeepClone());
        return copy;
    }

    public static bool Same(byte[]? left, byte[]? right) =>
        left is null || right is null ? ReferenceEquals(left, right) : left.AsSpan().SequenceEqual(right);

    public static bool Same(JsonElement? left, JsonElement? right) =>
        left is null || right is null ? left is null && right is null : JsonElement.DeepEquals(left.Value, right.Value);

    public static bool Same<T>(List<T>? left, List<T>? right)
        where T : IEquatable<T>
    {
        int count = left?.Count ?? 0;
        if (count != (right?.Count ?? 0))
            return false;
        for (int index = 0; index < count; index++)
        {
            if (!left![index].Equals(right![index]))
                return false;
        }
        return true;
    }

    public static bool Same(List<JsonElement>? left, List<JsonElement>? right) =>
        left.OrEmpty().SequenceEqual(right.OrEmpty(), JsonElements.Instance);

    public static bool Same<T>(Dictionary<string, T>? left, Dictionary<string, T>? right)
        where T : IEquatable<T> =>
        Same(left, right, static (one, other) => one.Equals(other));

    public static bool Same(Dictionary<string, byte[]>? left, Dictionary<string, byte[]>? right) =>
        Same(left, right, static (one, other) => Same(one, other));

    public static bool Same(Dictionary<string, List<string>>? left, Dictionary<string, List<string>>? right) =>
        Same(left, right, static (one, other) => Same(one, other));

    public static bool SameObjects<T>(T? left, T? right)
        where T : class, IKubernetesValue<T> =>
        ReferenceEquals(left, right) || (left is not null && left.DeepEquals(right));

    public static bool SameObjects<T>(List<T>? left, List<T>? right)
        where T : class, IKubernetesValue<T>
    {
        int count = left?.Count ?? 0;
        if (count != (right?.Count ?? 0))
            return false;
        for (int index = 0; index < count; index++)
        {
            if (!left![index].DeepEquals(right![index]))
                return false;
        }
        return true;
    }

    public static bool SameObjects<T>(Dictionary<string, T>? left, Dictionary<string, T>? right)
        where T : class, IKubernetesValue<T> =>
        Same(left, right, static (one, other) => one.DeepEquals(other));

    private static bool Same<T>(Dictionary<string, T>? left, Dictionary<string, T>? right, Func<T, T, bool> areSame)
    {
        if ((left?.Count ?? 0) != (right?.Count ?? 0))
            return false;
        if (left is null || right is null)
            return true;
        foreach (var (key, value) in left)
        {
            if (!right.TryGetValue(key, out var other) || !areSame(value, other))
                return false;
        }
        return true;
    }

    private sealed class JsonElements : IEqualityComparer<JsonElement>
    {
        public static readonly JsonElements Instance = new();

        public bool Equals(JsonElement left, JsonElement right) => JsonElement.DeepEquals(left, right);

        public int GetHashCode(JsonElement element) => (int)element.ValueKind;
    }
}
