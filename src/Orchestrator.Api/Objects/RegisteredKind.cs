using System.Text.Json;

namespace Orchestrator.Api;

/// <summary>What can be done with a kind that is known only at run time.</summary>
public sealed class RegisteredKind
{
    private delegate IKubernetesObject Reader(ref Utf8JsonReader reader);

    private readonly Func<IKubernetesObject> _create;
    private readonly Reader _read;

    private RegisteredKind(GroupVersionKind kind, string definition, Func<IKubernetesObject> create, Reader read)
    {
        Kind = kind;
        Definition = definition;
        _create = create;
        _read = read;
    }

    public GroupVersionKind Kind { get; }

    /// <inheritdoc cref="IKubernetesValue{TSelf}.Definition"/>
    public string Definition { get; }

    public IKubernetesObject Create() => _create();

    /// <inheritdoc cref="IKubernetesValue{TSelf}.ReadFrom"/>
    public IKubernetesObject ReadFrom(ref Utf8JsonReader reader) => _read(ref reader);

    internal static RegisteredKind Of<T>()
        where T : class, IKubernetesObject<T>, new() =>
        new(T.StaticKind, T.Definition, static () => new T(), static (ref Utf8JsonReader reader) => T.ReadFrom(ref reader));
}
