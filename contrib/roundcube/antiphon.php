<?php

// SPDX-License-Identifier: GPL-3.0-or-later

/**
 * What a person marks as junk in Roundcube goes to that person's Antiphon node; what is marked as not junk is taken back.
 *
 * A driver for Roundcube's plugin `markasjunk`. This file is part of that plugin when it runs, and has its licence: the
 * GNU General Public License, version 3 or later, without any warranty (COPYING beside it). The rest of Antiphon has
 * another licence, Apache-2.0, and speaks with this file over HTTP only.
 *
 * The mail is read before Roundcube moves it. It is sent when Roundcube has answered, so that no person waits for a
 * node; whatever goes wrong is one line in the log `antiphon`, and the mail is moved all the same.
 */
class markasjunk_antiphon
{
    // What a node takes (docs/reference/api.md), and what one click may hold here meanwhile.
    private const MESSAGE_BYTES = 10 * 1024 * 1024;
    private const CLICK_BYTES = 20 * 1024 * 1024;
    private const CLICK_MESSAGES = 50;
    private const CONNECT_MS = 1000;
    // For all messages of one click together: where the answer is out already, and where a person still waits for it.
    private const BEHIND_MS = 10000;
    private const WAITED_MS = 2000;

    private $waiting = [];
    private $bytes = 0;

    public function spam($uids, $src_mbox, $dst_mbox = null)
    {
        $this->keep('reports', $uids, $src_mbox);
    }

    public function ham($uids, $src_mbox, $dst_mbox = null)
    {
        $this->keep('retractions', $uids, $src_mbox);
    }

    private function keep($what, $uids, $folder)
    {
        try {
            $rcube = rcube::get_instance();
            $node = rtrim((string) $rcube->config->get('markasjunk_antiphon_node', ''), '/');
            $ticket = $this->ticket($rcube);
            // Whoever has no ticket is no member: nothing of their mail is read.
            if ($node === '' || $ticket === '' || !is_array($uids)) {
                return;
            }
            if (!preg_match('~^(https://[^/@]+|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?)(/|$)~', $node)) {
                throw new RuntimeException('markasjunk_antiphon_node wants https, since a ticket would be readable on the way');
            }
            if (!$this->waiting) {
                register_shutdown_function([$this, 'send'], $node, $ticket);
            }
            foreach ($uids as $uid) {
                $this->read($rcube->get_storage(), $what, $uid, $folder);
            }
        } catch (Throwable $error) {
            $this->log($error->getMessage());
        }
    }

    private function read($storage, $what, $uid, $folder)
    {
        $headers = $storage->get_message_headers($uid, $folder);
        $size = $headers ? (int) $headers->size : 0;
        if ($size > self::MESSAGE_BYTES || $this->bytes + $size > self::CLICK_BYTES
            || count($this->waiting) >= self::CLICK_MESSAGES) {
            $this->log('a message was left out: it is too big, or there are too many at once');
            return;
        }
        $raw = $storage->get_raw_body($uid);
        if (is_string($raw) && $raw !== '') {
            $this->bytes += strlen($raw);
            $this->waiting[] = [$what, $raw];
        }
    }

    /** When everything else is done. Public, because PHP calls it. */
    public function send($node, $ticket)
    {
        try {
            session_write_close();
            $out = function_exists('fastcgi_finish_request') && fastcgi_finish_request();
            $until = microtime(true) + ($out ? self::BEHIND_MS : self::WAITED_MS) / 1000;
            while ($this->waiting && microtime(true) < $until) {
                [$what, $raw] = array_shift($this->waiting);
                $this->post("$node/api/v1/$what", $ticket, $raw, $until);
            }
            if ($this->waiting) {
                $this->log(count($this->waiting) . ' messages were not handed in: the node is slow, or not there');
            }
        } catch (Throwable $error) {
            $this->log($error->getMessage());
        }
    }

    private function post($url, $ticket, $raw, $until)
    {
        // The key stands for this click on this message: a second try is the same report, a click next week is another.
        $key = hash('sha256', ($_SERVER['REQUEST_TIME_FLOAT'] ?? '') . "\n" . $raw);
        $curl = curl_init($url);
        curl_setopt_array($curl, [
            CURLOPT_POST => true,
            CURLOPT_POSTFIELDS => $raw,
            CURLOPT_HTTPHEADER => [
                "Authorization: Bearer $ticket", 'Content-Type: message/rfc822', "Idempotency-Key: $key", 'Expect:',
            ],
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_FOLLOWLOCATION => false,
            CURLOPT_PROXY => '',
            CURLOPT_NOSIGNAL => true,
            CURLOPT_CONNECTTIMEOUT_MS => self::CONNECT_MS,
        ]);
        for ($tries = 0; $tries < 2; $tries++) {
            $left = (int) (($until - microtime(true)) * 1000);
            if ($left <= 0) {
                break;
            }
            curl_setopt($curl, CURLOPT_TIMEOUT_MS, $left);
            if (curl_exec($curl) !== false) {
                break;
            }
        }
        $status = (int) curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
        if ($status !== 202) {
            $this->log($status ? "the node answered $status" : 'the node did not answer: ' . curl_error($curl));
        }
        curl_close($curl);
    }

    /** One line for each member: the name that it logs in with, a blank, its ticket. */
    private function ticket($rcube)
    {
        $user = (string) $rcube->get_user_name();
        $lines = file((string) $rcube->config->get('markasjunk_antiphon_tickets', '/etc/roundcube/antiphon-tickets'),
            FILE_IGNORE_NEW_LINES | FILE_SKIP_EMPTY_LINES);
        foreach ($lines ?: [] as $line) {
            [$name, $ticket] = preg_split('/\s+/', trim($line), 2) + ['', ''];
            if ($name !== '' && $name === $user) {
                return trim($ticket);
            }
        }

        return '';
    }

    private function log($what)
    {
        rcube::write_log('antiphon', $what);
    }
}
