<?php
// As Roundcube's plugin calls the driver: php mark.php DRIVER NODE TICKETS ACTS < mail. An act is spam or ham; each is a
// click of its own. Stands in for what the driver asks of Roundcube, and prints what it would have logged.
class rcube_storage_stand_in
{
    public function __construct(private string $raw)
    {
    }

    public function get_message_headers($uid, $folder)
    {
        return (object) ['size' => strlen($this->raw)];
    }

    public function get_raw_body($uid)
    {
        return $this->raw;
    }
}

class rcube
{
    public static $one;
    public $config;
    public $storage;

    public static function get_instance()
    {
        return self::$one;
    }

    public static function write_log($name, $line)
    {
        echo "$name: $line\n";
    }

    public function get_user_name()
    {
        return 'anna@mail.example';
    }

    public function get_storage()
    {
        return $this->storage;
    }
}

class settings_stand_in
{
    public function __construct(private array $values)
    {
    }

    public function get($name, $default = null)
    {
        return $this->values[$name] ?? $default;
    }
}

[, $driver, $node, $tickets, $act] = $argv;
rcube::$one = new rcube();
rcube::$one->config = new settings_stand_in([
    'markasjunk_antiphon_node' => $node, 'markasjunk_antiphon_tickets' => $tickets,
]);
rcube::$one->storage = new rcube_storage_stand_in(stream_get_contents(STDIN));
require $driver;
$one = new markasjunk_antiphon();
$one->$act(['17'], 'INBOX', 'Junk');
echo empty($one->is_error) ? "moved\n" : "not moved\n";
