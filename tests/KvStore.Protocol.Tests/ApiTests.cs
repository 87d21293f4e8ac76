using Google.Protobuf.Reflection;

namespace KvStore.Protocol.Tests;

public sealed class ApiTests
{
    private static readonly FileDescriptor[] Files =
    [
        KvReflection.Descriptor, AuthReflection.Descriptor, RpcReflection.Descriptor, V3LockReflection.Descriptor,
        V3ElectionReflection.Descriptor, HealthReflection.Descriptor,
    ];

    public static TheoryData<string> Facts() => [.. Lines()];

    private static IEnumerable<string> Lines() =>
        File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "api.txt")).Where(line => line.Length > 0 && line[0] != '#');

    [Theory]
    [MemberData(nameof(Facts))]
    public void What_goes_over_the_wire_has_etcds_names_numbers_and_types(string fact) => Assert.Equal(fact, Describe(fact));

    [Fact]
    public void Nothing_is_in_the_API_that_etcd_does_not_have()
    {
        var known = Lines().Select(fact => fact[..fact.IndexOf(':')]).ToHashSet();

        var ours = Files.Where(file => file.Package != "grpc.health.v1").SelectMany(file =>
            file.MessageTypes.Select(message => "message " + message.FullName)
                .Concat(file.EnumTypes.Concat(file.MessageTypes.SelectMany(message => message.EnumTypes)).Select(type => "enum " + type.FullName))
                .Concat(file.Services.Select(service => "service " + service.FullName)));

        Assert.Empty(ours.Except(known));
    }

    private static string Describe(string fact)
    {
        string name = fact[(fact.IndexOf(' ') + 1)..fact.IndexOf(':')];
        return fact[..fact.IndexOf(' ')] switch
        {
            "message" => $"message {name}: {Fields(Files.SelectMany(file => file.MessageTypes).Single(message => message.FullName == name))}",
            "enum" => $"enum {name}: {Values(Enums().Single(type => type.FullName == name))}",
            _ => $"service {name}: {string.Join(' ', Files.SelectMany(file => file.Services).Single(service => service.FullName == name).Methods.Select(method => method.Name))}",
        };
    }

    private static IEnumerable<EnumDescriptor> Enums() =>
        Files.SelectMany(file => file.EnumTypes.Concat(file.MessageTypes.SelectMany(message => message.EnumTypes)));

    private static string Values(EnumDescriptor type) => string.Join(", ", type.Values.Select(value => $"{value.Name}={value.Number}"));

    private static string Fields(MessageDescriptor message) => string.Join("; ", message.Fields.InFieldNumberOrder().Select(field =>
        $"{field.FieldNumber} {(field.IsRepeated ? "repeated " : "")}{TypeOf(field, message)} {field.Name}")) is { Length: > 0 } fields ? fields : "";

    /// <summary>Types of another package with its name, types of the same one without.</summary>
    private static string TypeOf(FieldDescriptor field, MessageDescriptor message) => field.FieldType switch
    {
        FieldType.Message => Short(field.MessageType.FullName, message),
        FieldType.Enum => Short(field.EnumType.FullName, message),
        var type => type.ToString().ToLowerInvariant(),
    };

    private static string Short(string fullName, MessageDescriptor message)
    {
        foreach (string prefix in new[] { message.FullName + ".", message.File.Package + "." })
        {
            if (fullName.StartsWith(prefix, StringComparison.Ordinal))
                return fullName[prefix.Length..];
        }
        return fullName;
    }
}
